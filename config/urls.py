"""Every URL of the installation."""

from django.contrib import admin
from django.urls import include, path

from realtime.endpoint import graphql_view

urlpatterns = [
    path("graphql", graphql_view, name="graphql"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("chat.pages.urls")),
]

handler500 = "chat.pages.failures.server_error"
