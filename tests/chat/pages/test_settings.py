"""One's own name and language."""

import pytest

from chat.models import User
from tests.chat.pages.conftest import Browse
from tests.chat.pages.reading import leads_to, page, submit
from tests.chat.schema.arranging import person

pytestmark = pytest.mark.django_db


def test_a_new_name_and_language_are_kept_and_answered_in_that_language(browse: Browse) -> None:
    mika = person("mika")
    browser = browse(mika)
    response = submit(browser, browser.get("/settings/"), "", display_name="美香", language="ja")
    assert leads_to(response) == "/settings/"
    shown = page(browser.get("/settings/"))
    assert shown.language == "ja"
    assert "保存しました。" in shown.text
    assert shown.form("").values["display_name"] == "美香"
    assert User.objects.get().display_name == "美香"


def test_a_name_that_is_too_long_is_given_back(browse: Browse) -> None:
    mika = person("mika", display_name="Mika")
    browser = browse(mika)
    response = submit(browser, browser.get("/settings/"), "", display_name="M" * 61)
    assert response.status_code == 422
    assert page(response).form("").values["display_name"] == "M" * 61
    assert User.objects.get().display_name == "Mika"


def test_a_stranger_chooses_a_language_at_the_foot_of_the_page(browse: Browse) -> None:
    browser = browse()
    response = submit(browser, browser.get("/accounts/login/"), "/i18n/setlang/", language="ja")
    assert leads_to(response) == "/accounts/login/"
    assert page(browser.get("/")).language == "ja"


def test_the_browser_s_language_is_taken_where_none_was_chosen(browse: Browse) -> None:
    assert page(browse(language="ja").get("/")).language == "ja"
    assert page(browse(language="pt").get("/")).language == "en"
