"""The people of this place, and a conversation with one of them."""

from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from chat.actions.rooms import open_direct_room
from chat.models import User
from chat.pages.signed_in import signed_in

# Who is not among them is found by name.
SHOWN_PEOPLE = 100


@require_safe
@signed_in
def people_list(request: HttpRequest, viewer: User) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    people = User.objects.filter(is_active=True).exclude(pk=viewer.pk).order_by("username")
    if query:
        people = people.filter(Q(username__icontains=query) | Q(display_name__icontains=query))
    found = list(people[: SHOWN_PEOPLE + 1])
    return render(
        request,
        "people/page.html",
        {"query": query, "people": found[:SHOWN_PEOPLE], "more": len(found) > SHOWN_PEOPLE},
    )


@require_http_methods(["GET", "POST"])
@signed_in
def direct(request: HttpRequest, viewer: User, username: str) -> HttpResponse:
    """Whoever comes by a link (after the log-in, say) finds the person, and writes from there."""
    if request.method == "GET":
        return redirect(f"{reverse('people')}?{urlencode({'q': username})}")
    person = get_object_or_404(User, username=username, is_active=True)
    return redirect("room", open_direct_room(actor=viewer, user_ids=[person.pk]).slug)
