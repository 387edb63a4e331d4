"""What one execution knows: who looks, what has been read, where streams stood before it was."""

from chat.models import Room, User
from chat.schema.loaders import Loaders
from realtime.cursor import Cursor
from realtime.errors import Unauthenticated
from realtime.viewing import ViewerNotShared


class Context:
    """The `info.context` of exactly one execution.

    Args:
        viewer: the signed-in person; None for an anonymous request.
        loaders: given where several executions may share what was read at one moment: a page of events.
    """

    __slots__ = ("_cursors", "_shared", "_viewer", "loaders", "opened")

    def __init__(self, viewer: User | None, *, loaders: Loaders | None = None) -> None:
        self._viewer = viewer
        self._shared = False
        self._cursors: dict[int, Cursor] = {}
        self.loaders = loaders or Loaders()
        self.opened: dict[str, object] | None = None

    @classmethod
    def shared(cls, *, loaders: Loaders | None = None) -> "Context":
        """The context of an execution whose result goes to many: it refuses to say who looks."""
        context = cls(None, loaders=loaders)
        context._shared = True
        return context

    @property
    def viewer(self) -> User | None:
        """Who looks; None for an anonymous request.

        Raises:
            ViewerNotShared: many look.
        """
        if self._shared:
            raise ViewerNotShared("a resolver that is not marked with @depends_on_viewer asked for the viewer")
        return self._viewer

    @property
    def person(self) -> User:
        """The signed-in person.

        Raises:
            Unauthenticated: nobody is signed in.
            ViewerNotShared: many look.
        """
        viewer = self.viewer
        if viewer is None:
            raise Unauthenticated("sign in first: an anonymous request gets `viewer` alone", reason="NOT_SIGNED_IN")
        return viewer

    def reads_anew(self) -> None:
        """Forget what was read, because something has been written since; cursors stay where they were first fixed."""
        self.loaders = Loaders()

    def saw_rooms(self, rooms: list[Room]) -> None:
        """Take note of rooms that were read together with their streams: from here on their cursors are fixed."""
        self.loaders.saw_rooms(rooms)
        for room in rooms:
            self.cursor_of(room)

    def cursor_of(self, room: Room) -> Cursor:
        """Where the room stood before the first of what this execution read of it."""
        return self._cursors.setdefault(room.stream_id, room.stream.cursor)
