"""One installation of Todoku: settings, URLs, the assembled schema and the server."""
