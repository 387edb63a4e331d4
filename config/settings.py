"""Settings of one installation, read from the environment.

Nothing needs to be set to try Todoku: that is the embedded default, one process with SQLite and the
in-memory channel layer, all of its data in `var/`. The README's table lists every variable.
"""

import secrets
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from whitenoise.compress import Compressor

BASE_DIR = Path(__file__).resolve().parent.parent

# Makes Django's generic classes generic when Python runs, too: `admin.ModelAdmin[Room]`.
django_stubs_ext.monkeypatch()

env = environ.Env()

# What the installation keeps on disk: the embedded database, its secret key.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).absolute()

# --- What kind of installation this is -----------------------------------------------------------

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
LOOPBACK = HOST == "localhost" or HOST.startswith("127.") or HOST == "::1"

# Without a DATABASE_URL somebody is trying Todoku, or works on it.
EMBEDDED = env.bool("DEBUG", default=not env.str("DATABASE_URL", default=""))

# Debug pages show source code and data, and a trial should show Todoku's own: on only where asked for.
DEBUG = env.bool("DEBUG", default=False)


def _kept_secret_key() -> str:
    """The embedded installation's own key, made on first use and readable by its owner alone."""
    path = VAR_DIR / "secret_key"
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = VAR_DIR / f".secret_key.{secrets.token_hex(8)}"
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            # A link, unlike a rename, fails when another process was first: both then read one key.
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not EMBEDDED:
        raise ImproperlyConfigured(
            "SECRET_KEY is required when DEBUG is off: set it to a long random string and keep it, "
            "for example from `python -c 'import secrets; print(secrets.token_urlsafe(64))'`."
        )
    SECRET_KEY = _kept_secret_key()

# Older keys that still verify sessions and links while a new one is being introduced.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# --- The names by which it is known --------------------------------------------------------------


def _own_names() -> list[str]:
    """The names by which a browser reaches the embedded server."""
    return ["localhost", ".localhost", "127.0.0.1", "[::1]", HOST] if LOOPBACK else ["*"]


ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=_own_names() if EMBEDDED else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# How many reverse proxies stand in front; their X-Forwarded-For and X-Forwarded-Proto are believed
# only then, because anybody can send those headers to a server that stands alone.
PROXY_COUNT = env.int("PROXY_COUNT", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = PROXY_COUNT
if PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Transport security -------------------------------------------------------------------------

HTTPS = env.bool("HTTPS", default=not EMBEDDED)
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=HTTPS)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 3600 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=HTTPS)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SILENCED_SYSTEM_CHECKS = [
    # Preloading puts a domain into browsers for years; only its owner can decide that.
    "security.W021",
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Applications -------------------------------------------------------------------------------

INSTALLED_APPS = [
    "realtime",
    "chat",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "channels",
    "graphene_django",
    "csp",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

# What of it the GraphQL endpoint needs: its answers are no pages, it checks CSRF itself, and it has a
# Content-Security-Policy of its own. The rest took as long as a query.
ENDPOINT_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- GraphQL and its feeds --------------------------------------------------------------------------

GRAPHENE = {"SCHEMA": "config.schema.schema"}
REALTIME_INTERFACE = "config.schema.interface"

# How large an operation may be: its tokens, its fields with fragments written out, how deep they go.
GRAPHQL_MAX_TOKENS = 2_000
GRAPHQL_MAX_FIELDS = 1_000
GRAPHQL_MAX_DEPTH = 12

# How often a process looks for events that no hint announced, and how long it tries to send a hint.
REALTIME_SWEEP_INTERVAL_S = env.float("REALTIME_SWEEP_INTERVAL", default=0.4)
REALTIME_HINT_TIMEOUT_S = 0.25
# Threads of one process for what blocks; each uses one connection to the database. So many read for subscriptions; the
# hub has two of its own.
REALTIME_THREADS = env.int("REALTIME_THREADS", default=4)
# How many requests a process answers at the same time, over HTTP and over WebSockets; the others wait for their turn.
# Sends into one room that are there at the same time share a transaction.
REQUESTS_AT_ONCE = env.int("REQUESTS_AT_ONCE", default=24)
# How long a new socket may wait before it says who it is, and how many operations it may keep open.
REALTIME_INIT_TIMEOUT_S = env.float("REALTIME_INIT_TIMEOUT", default=10.0)
REALTIME_MAX_OPERATIONS = env.int("REALTIME_MAX_OPERATIONS", default=50)
# With how many distinct documents one person may listen to a process, and with how many operations to one stream: each
# is executed once per event. What is kept of these for those who come back, of all streams together.
REALTIME_MAX_DISTINCT_OPERATIONS = env.int("REALTIME_MAX_DISTINCT_OPERATIONS", default=20)
REALTIME_RECENT_BYTES = env.int("REALTIME_RECENT_BYTES", default=64 * 1024 * 1024)
# The largest message that a socket takes: more than MAX_MESSAGE_CHARS of JSON's longest escapes.
REALTIME_INBOUND_BYTES = env.int("REALTIME_INBOUND_BYTES", default=1024 * 1024)
# Past this many unread bytes a reader leaves the live feed; one that stays there so long is closed.
REALTIME_OUTBOUND_BYTES = env.int("REALTIME_OUTBOUND_BYTES", default=256 * 1024)
REALTIME_STALL_TIMEOUT_S = env.float("REALTIME_STALL_TIMEOUT", default=30.0)
# How many WebSockets one server process serves, in all and of one person.
REALTIME_MAX_CONNECTIONS = env.int("REALTIME_MAX_CONNECTIONS", default=10_000)
REALTIME_MAX_CONNECTIONS_PER_PERSON = env.int("REALTIME_MAX_CONNECTIONS_PER_PERSON", default=50)
# The largest GraphQL request, or form without its files; the largest HTTP request.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("GRAPHQL_BODY_BYTES", default=2_621_440)
HTTP_BODY_BYTES = env.int("HTTP_BODY_BYTES", default=8 * 1024 * 1024)
# How long an HTTP connection may be idle, and how long a request may take to arrive whole.
REALTIME_REQUEST_TIMEOUT_S = env.float("REALTIME_REQUEST_TIMEOUT", default=60.0)
# Over how long a server that is told to end closes its WebSockets.
REALTIME_DRAIN_S = env.float("REALTIME_DRAIN", default=5.0)

# --- Database -----------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# How long a request waits for a row that another one holds before it is refused (and tried again by
# the client); also how long one may hold rows while it does nothing.
LOCK_TIMEOUT_S = env.int("DATABASE_LOCK_TIMEOUT", default=5)
IDLE_TRANSACTION_TIMEOUT_S = 15

# SQLite lets one writer in at a time and keeps no queue: whoever waits tries again now and then, so
# among many an unlucky one waits long. It cannot deadlock, so there is no reason to give up early.
SQLITE_BUSY_TIMEOUT_S = 20

# Connections of one server process to PostgreSQL: as many as can be in use at once, so that nobody waits for one that
# is held up by a locked row. How long one waits where the server gives no connection.
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=REQUESTS_AT_ONCE + REALTIME_THREADS + 3)
DATABASE_POOL_WAIT_S = 3


def database(url: str) -> dict[str, Any]:
    """What Django has to know about the database at `url`, with the guarantees that Todoku rests on."""
    config: dict[str, Any] = env.db_url_config(url)
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        Path(config["NAME"]).absolute().parent.mkdir(parents=True, exist_ok=True)
        options |= {
            # A transaction that begins by reading cannot become a writer once another one wrote.
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_BUSY_TIMEOUT_S,
            # FULL: what was acknowledged survives a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        config["CONN_MAX_AGE"] = None  # threads keep theirs: to open one costs as much as a write
    elif config["ENGINE"] == "django.db.backends.postgresql":
        options |= {
            # Lent for as long as there is something to do: a thread that waits for work holds none.
            "pool": {
                "min_size": 1,
                "max_size": DATABASE_POOL_SIZE,
                "timeout": DATABASE_POOL_WAIT_S,
            },
            "options": (
                f"-c lock_timeout={LOCK_TIMEOUT_S}s "
                f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION_TIMEOUT_S}s"
            ),
        }
        # The pool tries a connection before it hands it out: PostgreSQL may have been restarted.
        config["CONN_HEALTH_CHECKS"] = True
    else:
        raise ImproperlyConfigured("DATABASE_URL should begin with sqlite:// or postgres://.")
    return config


DATABASES = {"default": database(env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR}/todoku.sqlite3")}

# --- Channel layer and cache ----------------------------------------------------------------------


# How long a connection to Redis may be silent where an answer is due.
REDIS_TIMEOUT_S = 2


def channel_layer(url: str) -> dict[str, Any]:
    """What Channels has to know about the layer at `url`."""
    scheme = url.partition(":")[0]
    if scheme == "memory":
        return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    if scheme in {"redis", "rediss", "unix"}:
        # Hints may be lost, so nothing needs to be stored: plain publish and subscribe.
        timeouts = {"socket_connect_timeout": REDIS_TIMEOUT_S, "socket_timeout": REDIS_TIMEOUT_S}
        return {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [{"address": url, **timeouts}]},
        }
    raise ImproperlyConfigured(
        f"CHANNEL_LAYER_URL should begin with memory://, redis://, rediss:// or unix://, not {scheme}:"
    )


CHANNEL_LAYERS = {"default": channel_layer(env.str("CHANNEL_LAYER_URL", default="memory://"))}

# Counters of log-in attempts. With several server processes each counts for itself unless they share
# a cache.
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}

# --- People -------------------------------------------------------------------------------------

AUTH_USER_MODEL = "chat.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
# Nobody wants to be logged out of a chat by closing the browser.
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "login": "chat.pages.account_forms.LogInForm",
    "signup": "chat.pages.account_forms.SignUpForm",
    "add_email": "chat.pages.account_forms.AddEmailForm",
    "change_password": "chat.pages.account_forms.ChangePasswordForm",
    "set_password": "chat.pages.account_forms.SetPasswordForm",
    "reset_password": "chat.pages.account_forms.ResetPasswordForm",
    "reset_password_from_key": "chat.pages.account_forms.ResetPasswordKeyForm",
    "reauthenticate": "chat.pages.account_forms.ReauthenticateForm",
}
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Todoku] "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
USERSESSIONS_TRACK_ACTIVITY = False

SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=30 * 24 * 3600)
SESSION_COOKIE_SAMESITE = "Lax"

# --- E-mail -------------------------------------------------------------------------------------

vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Todoku <todoku@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Languages and time -----------------------------------------------------------------------------

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "chat" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# --- Static files -----------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default="") or BASE_DIR / "staticfiles").absolute()
# A trial that was told where to has collected them, as `make run` does; else they come from where they were built.
COLLECTED = not EMBEDDED or bool(env.str("STATIC_ROOT", default=""))
# The bundle's names carry no prefix: /static/room.js, /static/todoku.css, /static/icons/….
STATICFILES_DIRS = [BASE_DIR / "static" / "dist", ("icons", BASE_DIR / "static" / "icons")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if COLLECTED
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = not COLLECTED
WHITENOISE_AUTOREFRESH = not COLLECTED
# Source maps are for developer tools; compressing them would take longer than all else.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

# --- Limits -------------------------------------------------------------------------------------

MAX_MESSAGE_CHARS = env.int("MAX_MESSAGE_CHARS", default=10_000)

# --- Logging ------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own configuration would print what its loggers say a second time.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # Its steps on the way to listening; the server says in one line where it does.
        "daphne": {"level": "WARNING"},
        # A line for each connection that the pool lends.
        "psycopg.pool": {"level": "WARNING"},
        # A line for each request, and each connection, of a drill's or a load test's clients.
        "httpx": {"level": "WARNING"},
        "picows": {"level": "WARNING"},
    },
}
