"""Serving static files: one whose name tells its content is kept by browsers for a year."""

import re

from whitenoise.middleware import WhiteNoiseMiddleware

# The parts of scripts import each other by names that esbuild hashed, so `collectstatic` has not the last word on them.
PART_OF_A_SCRIPT = re.compile(r"/chunks/[^/]+-[A-Z0-9]{8}\.js$")


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise, which sends what `collectstatic` compressed and compresses nothing itself."""

    FOREVER = 365 * 24 * 60 * 60

    def immutable_file_test(self, path: str, url: str) -> bool:
        return bool(super().immutable_file_test(path, url) or PART_OF_A_SCRIPT.search(url))
