"""What a browser needs to install Todoku as an app."""

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.utils.translation import get_language, gettext

# tokens.css's paper and seal in sRGB: a manifest knows no OKLCH.
PAPER = "#fcf9f4"


def manifest(request: HttpRequest) -> JsonResponse:
    icons = [
        {"src": static("icons/postmark.svg"), "sizes": "any", "type": "image/svg+xml"},
        {"src": static("icons/app-512.png"), "sizes": "512x512", "type": "image/png"},
        {"src": static("icons/app-maskable.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "maskable"},
    ]
    return JsonResponse(
        {
            "name": "Todoku",
            "short_name": "Todoku",
            "description": gettext("A chat in which what you send arrives."),
            "lang": get_language(),
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": PAPER,
            "theme_color": PAPER,
            "icons": icons,
        },
        content_type="application/manifest+json",
    )
