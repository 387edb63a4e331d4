"""The people and rooms of the demo: Minato Workshop, a shared workshop by a harbour."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings

from chat.models import Membership, Room

_PASSWORD_CHARS = 10


@dataclass(frozen=True, slots=True)
class Person:
    username: str
    display_name: str
    staff: bool = False
    superuser: bool = False

    @property
    def part(self) -> str:
        """What the account is good for, in a word."""
        return "administrator" if self.superuser else "moderator" if self.staff else "member"


@dataclass(frozen=True, slots=True)
class Place:
    """A room. `members` begins with its owner; `roles` names those who are more than members beside them.

    `unread` says how many of the newest messages some of them have not read; everybody else has read all.
    """

    talk: str
    members: tuple[str, ...]
    name: str = ""
    slug: str | None = None
    topic: str = ""
    visibility: Room.Visibility = Room.Visibility.PUBLIC
    moderators: tuple[str, ...] = ()
    archived: bool = False
    unread: tuple[tuple[str, int], ...] = ()

    def left_by(self, username: str) -> int:
        """How many messages of others the person has not read."""
        return dict(self.unread).get(username, 0)

    def role_of(self, username: str) -> Membership.Role:
        """The role that the person is given; the first member owns the room anyway."""
        return Membership.Role.MODERATOR if username in self.moderators else Membership.Role.MEMBER


PEOPLE = (
    Person("haruka", "佐藤 はるか"),
    Person("emma", "Emma Lindqvist"),
    Person("kenta", "田中 健太"),
    Person("tom", "Tom Okafor"),
    Person("yui", "小林 結衣"),
    Person("ana", "Ana Ribeiro"),
    Person("lucas", "Lucas Moreau"),
    Person("mei", "鈴木 芽依"),
    Person("hiro", "高橋 浩", staff=True),
    Person("kaoru", "森 かおる", staff=True, superuser=True),
)

EVERYBODY = ("kaoru", "haruka", "emma", "kenta", "tom", "yui", "ana", "lucas", "mei", "hiro")

PLACES = (
    Place(
        "plaza",
        EVERYBODY,
        name="ひろば · Plaza",
        slug="plaza",
        topic="For everybody: news, questions, lost gloves. おしゃべりもお知らせもここで。",
        moderators=("hiro",),
        unread=(("haruka", 3), ("tom", 6)),
    ),
    Place(
        "laser",
        ("emma", "tom", "haruka", "lucas", "kenta", "hiro"),
        name="Laser cutter",
        topic="Settings that work, bookings that don't. Open the lid slowly.",
        moderators=("tom",),
        unread=(("haruka", 1),),
    ),
    Place(
        "dev",
        ("kenta", "haruka", "lucas", "mei", "kaoru"),
        name="開発",
        topic="工房サイトと予約表のコード。日本語でも English でも。",
        unread=(("haruka", 2),),
    ),
    Place(
        "dinner",
        ("yui", "haruka", "mei", "ana", "hiro", "kaoru"),
        name="晩ごはん",
        topic="作業のあとに何を食べるか",
    ),
    Place(
        "bouldering",
        ("ana", "tom", "lucas"),
        name="Bouldering on Thursdays",
        slug="bouldering",
        topic="Who drives, who brings chalk",
    ),
    Place(
        "festival",
        ("haruka", "emma", "kenta", "yui", "mei", "kaoru"),
        name="秋祭り準備",
        topic="屋台のこと。来る人だけの部屋です。",
        visibility=Room.Visibility.PRIVATE,
        moderators=("yui",),
        unread=(("emma", 4),),
    ),
    Place(
        "keys",
        ("kaoru", "hiro", "haruka"),
        name="運営",
        topic="鍵、お金、困りごと",
        visibility=Room.Visibility.PRIVATE,
        moderators=("hiro",),
    ),
    Place(
        "summer",
        ("yui", "haruka", "tom", "ana", "kenta"),
        name="夏合宿",
        topic="終わりました。写真は共有フォルダへ。",
        archived=True,
    ),
    Place("direct-emma", ("haruka", "emma"), visibility=Room.Visibility.DIRECT, unread=(("haruka", 1),)),
    Place("direct-kaoru", ("kaoru", "kenta"), visibility=Room.Visibility.DIRECT),
    Place("direct-car", ("ana", "tom", "lucas"), visibility=Room.Visibility.DIRECT),
)


def password() -> str:
    """The password of all demo accounts: another one for each installation, and always the same in one.

    It follows from the secret key, so a demo that somebody left on a server in the open can't be entered by guessing.
    """
    digest = hmac.digest(settings.SECRET_KEY.encode(), b"demo password", hashlib.sha256)
    return base64.b32encode(digest).decode()[:_PASSWORD_CHARS].lower()
