"""Every URL of the installation."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from realtime.endpoint import graphql_view

urlpatterns = [
    path("graphql", graphql_view, name="graphql"),
    path("accounts/", include("allauth.urls")),
    # One page changes passwords: the one that ends the person's other sessions.
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("chat.pages.urls")),
]

handler500 = "chat.pages.failures.server_error"
