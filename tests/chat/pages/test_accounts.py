"""Accounts: signing up, logging in and out, a forgotten password, e-mail addresses."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage

from chat.models import User
from tests.chat.pages.conftest import Browse
from tests.chat.pages.reading import leads_to, page, submit
from tests.chat.schema.arranging import person, room

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NEW_PASSWORD = "a staple for the horse"


def link_in(mail: EmailMessage) -> str:
    [link] = re.findall(r"http://testserver(\S+)", str(mail.body))
    return str(link)


def test_signing_up_leads_into_the_busiest_public_room(browse: Browse) -> None:
    plaza = room(person(), name="Plaza")
    browser = browse()
    form = browser.get("/accounts/signup/")
    response = submit(browser, form, "/accounts/signup/", username="mika", password1=PASSWORD)
    assert leads_to(response) == "/"
    arrived = browser.get("/", follow=True)
    assert arrived.redirect_chain == [(f"/rooms/{plaza.slug}/", 302)]
    assert page(arrived).form(f"/rooms/{plaza.slug}/join").values.keys() == {"csrfmiddlewaretoken"}
    assert User.objects.get(username="mika").check_password(PASSWORD)


def test_a_new_address_is_confirmed_by_mail(browse: Browse, mailoutbox: list[EmailMessage]) -> None:
    browser = browse()
    submit(
        browser,
        browser.get("/accounts/signup/"),
        "/accounts/signup/",
        username="mika",
        email="mika@example.org",
        password1=PASSWORD,
    )
    [mail] = mailoutbox
    assert mail.to == ["mika@example.org"]
    assert mail.subject == "[Todoku] Welcome: confirm your e-mail address"
    confirm = link_in(mail)
    assert submit(browser, browser.get(confirm), confirm).status_code == 302
    assert EmailAddress.objects.get().verified
    assert page(browser.get("/accounts/email/")).text.count("in use · confirmed") == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"username": "taken", "password1": PASSWORD}, "is taken"),
        ({"username": "mika", "password1": "password"}, "Many people use this password"),
        ({"username": "", "password1": PASSWORD}, "Something is missing here"),
    ],
)
def test_what_can_t_be_signed_up_with_is_said_beside_the_field(
    browse: Browse, typed: dict[str, str], said: str
) -> None:
    person("taken")
    browser = browse()
    response = submit(browser, browser.get("/accounts/signup/"), "/accounts/signup/", **typed)
    assert response.status_code == 200
    assert said in page(response).text
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["mika", "mika@example.org"])
def test_logging_in_with_either_name_leads_back_to_where_one_was_going(browse: Browse, name: str) -> None:
    mika = person("mika", email="mika@example.org", password=PASSWORD)
    EmailAddress.objects.create(user=mika, email="mika@example.org", primary=True, verified=True)
    browser = browse()
    form = browser.get("/accounts/login/?next=/people/")
    response = submit(browser, form, "/accounts/login/", login=name, password=PASSWORD)
    assert leads_to(response) == "/people/"
    assert browser.get("/people/").status_code == 200


def test_a_wrong_password_is_refused_and_the_name_kept(browse: Browse) -> None:
    person("mika", password=PASSWORD)
    browser = browse()
    response = submit(browser, browser.get("/accounts/login/"), "/accounts/login/", login="mika", password="wrong")
    assert "is not right" in page(response).text
    assert page(response).form("/accounts/login/").values["login"] == "mika"
    assert "_auth_user_id" not in browser.session


def test_nobody_is_led_to_another_site_after_logging_in(browse: Browse) -> None:
    person("mika", password=PASSWORD)
    browser = browse()
    form = browser.get("/accounts/login/?next=https://elsewhere.example/")
    assert leads_to(submit(browser, form, "/accounts/login/", login="mika", password=PASSWORD)) == "/"


def test_logging_out_is_a_form_that_scripts_can_ask_about(browse: Browse) -> None:
    browser = browse(person("mika"))
    response = browser.get("/rooms/")
    assert re.search(r'<form method="post" action="/accounts/logout/" data-logout>', response.content.decode())
    assert leads_to(submit(browser, response, "/accounts/logout/")) == "/"
    assert "You are logged out." in page(browser.get("/")).text
    assert leads_to(browser.get("/rooms/")) == "/accounts/login/?next=/rooms/"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_forgotten_password_is_replaced_by_mail(
    browse: Browse, mailoutbox: list[EmailMessage], language: str
) -> None:
    person("mika", email="mika@example.org", password=PASSWORD)
    browser = browse(language=language)
    form = browser.get("/accounts/password/reset/")
    response = submit(browser, form, "/accounts/password/reset/", email="mika@example.org")
    assert leads_to(response) == "/accounts/password/reset/done/"
    assert browser.get(leads_to(response)).status_code == 200
    [mail] = mailoutbox
    assert mail.to == ["mika@example.org"]
    assert {"en": "Choose a new password", "ja": "パスワードの再設定"}[language] in mail.subject
    chosen = browser.get(link_in(mail), follow=True)
    target = chosen.redirect_chain[-1][0]
    done = submit(browser, chosen, target, password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    assert leads_to(done) == "/accounts/password/reset/key/done/"
    mika = User.objects.get()
    assert mika.check_password(NEW_PASSWORD)
    again = browse(language=language).get(link_in(mail), follow=True)
    assert {"en": "no longer works", "ja": "使えなくなりました"}[language] in page(again).text


def test_asking_for_an_unknown_address_looks_the_same_and_says_so_by_mail_alone(
    browse: Browse, mailoutbox: list[EmailMessage]
) -> None:
    browser = browse()
    form = browser.get("/accounts/password/reset/")
    response = submit(browser, form, "/accounts/password/reset/", email="nobody@example.org")
    assert leads_to(response) == "/accounts/password/reset/done/"
    [mail] = mailoutbox
    assert mail.subject == "[Todoku] There is no account with this address"


def test_an_address_that_belongs_to_an_account_can_t_be_signed_up_with(browse: Browse) -> None:
    mika = person("mika", email="mika@example.org")
    EmailAddress.objects.create(user=mika, email="mika@example.org", primary=True, verified=True)
    browser = browse()
    form = browser.get("/accounts/signup/")
    response = submit(
        browser, form, "/accounts/signup/", username="other", email="Mika@example.org", password1=PASSWORD
    )
    assert "belongs to an account already" in page(response).text
    assert page(response).form("/accounts/signup/").values["username"] == "other"
    assert User.objects.count() == 1


def test_changing_the_password_asks_for_the_present_one_and_is_told_by_mail(
    browse: Browse, mailoutbox: list[EmailMessage]
) -> None:
    mika = person("mika", email="mika@example.org", password=PASSWORD)
    browser = browse(mika)
    address = "/accounts/password/change/"
    new = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    wrong = submit(browser, browser.get(address), address, oldpassword="wrong", **new)
    assert wrong.status_code == 200
    mika.refresh_from_db()
    assert mika.check_password(PASSWORD)
    assert submit(browser, wrong, address, oldpassword=PASSWORD, **new).status_code == 302
    mika.refresh_from_db()
    assert mika.check_password(NEW_PASSWORD)
    assert "Your new password is saved." in page(browser.get("/settings/")).text


def test_the_devices_page_names_browsers_and_ends_the_other_sessions(browse: Browse) -> None:
    mika = person("mika", password=PASSWORD)
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1"
    laptop = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
    browsers = []
    for agent in (phone, laptop):
        browser = browse()
        browser.defaults["HTTP_USER_AGENT"] = agent
        submit(browser, browser.get("/accounts/login/"), "/accounts/login/", login="mika", password=PASSWORD)
        assert browser.get("/settings/").status_code == 200
        browsers.append(browser)
    shown = browsers[1].get("/accounts/sessions/")
    assert "Safari, iPhone" in page(shown).text
    assert "Firefox, Windows this one" in page(shown).text
    assert submit(browsers[1], shown, "/accounts/sessions/").status_code == 302
    assert browsers[0].get("/settings/").status_code == 302
    assert browsers[1].get("/settings/").status_code == 200
    assert mika.is_active


def test_a_banned_person_is_told_that_the_account_is_closed(browse: Browse) -> None:
    person("mika", password=PASSWORD, is_active=False)
    browser = browse()
    form = browser.get("/accounts/login/")
    response = submit(browser, form, "/accounts/login/", login="mika", password=PASSWORD)
    shown = page(browser.get(leads_to(response)) if response.status_code == 302 else response).text
    assert "This account is closed" in shown or "is not right" in shown
    assert "_auth_user_id" not in browser.session


def test_too_many_attempts_are_answered_with_a_page_of_ours(browse: Browse) -> None:
    browser = browse()
    form = browser.get("/accounts/signup/")
    answers = [submit(browser, form, "/accounts/signup/", username="", password1="") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert "That was too often" in page(answers[-1]).text
