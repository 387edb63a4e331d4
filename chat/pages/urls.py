"""The addresses of the pages."""

from django.urls import path

from chat.pages import home, manifest, people, preferences, room, rooms

urlpatterns = [
    path("", home.home, name="home"),
    path("rooms/", rooms.room_list, name="rooms"),
    path("rooms/new", rooms.new_room, name="room_new"),
    path("rooms/<str:slug>/", room.room_page, name="room"),
    path("rooms/<str:slug>/join", room.join, name="room_join"),
    path("rooms/<str:slug>/leave", room.leave, name="room_leave"),
    path("people/", people.people_list, name="people"),
    path("people/<str:username>/direct", people.direct, name="direct"),
    path("settings/", preferences.preferences, name="settings"),
    path("manifest.webmanifest", manifest.manifest, name="manifest"),
]
