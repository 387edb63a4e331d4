"""GraphQL over HTTP: queries and mutations. Specification: https://graphql.github.io/graphql-over-http/draft/"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import MediaType, RawPostDataException
from django.views.decorators.csrf import csrf_exempt
from graphql import OperationType

from realtime import documents, execution
from realtime.bounds import refuse_excess
from realtime.documents import DocumentInvalid
from realtime.errors import BadUserInput, Refusal, Unauthenticated
from realtime.interface import interface
from realtime.storable import refuse_unstorable
from realtime.strict_json import read_json

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
POLICY = "default-src 'none'; frame-ancestors 'none'"  # for who opens an answer as if it were a page


class NotServed(Exception):
    """The HTTP request itself is no GraphQL request that is served here."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Parameters:
    query: str
    operation_name: str | None
    variables: Mapping[str, Any]


@csrf_exempt  # `authenticate_request` checks it, for requests that a cookie speaks for
def graphql_view(request: HttpRequest) -> HttpResponse:
    """Answer one GraphQL request. Nothing that comes in makes it raise."""
    media_type = JSON
    try:
        media_type = _negotiated(request)
        parameters = _parameters(request)
        viewer = interface().authenticate_request(request)
        answer, executed = _execute(request, parameters, viewer)
    except NotServed as error:
        answer = {"errors": [{"message": str(error), "extensions": {"code": BadUserInput.code}}]}
        return _response(answer, media_type, error.status, error.headers)
    except Unauthenticated as error:
        return _response(execution.refused(error), media_type, 401)
    except (DocumentInvalid, Refusal) as error:
        # A request error: application/json says it with 200 (clients of old can't tell 4xx from a proxy's),
        # the newer media type with 400 (sections 6.4.1 and 6.4.2).
        return _response(execution.refused(error), media_type, 400 if media_type == GRAPHQL_JSON else 200)
    except Exception as error:
        # The border: whatever it was, the client gets an answer that it can retry, and no traceback.
        return _response(execution.refused(error), media_type, 500)
    failed_before_execution = not executed and media_type == GRAPHQL_JSON
    return _response(answer, media_type, 400 if failed_before_execution else 200)


def _execute(request: HttpRequest, parameters: Parameters, viewer: Any) -> tuple[dict[str, Any], bool]:
    """The response map, and whether it came as far as executing."""
    operation = documents.operation(parameters.query, parameters.operation_name)
    if operation.kind is OperationType.SUBSCRIPTION:
        raise BadUserInput("subscriptions are served over the WebSocket", reason="SUBSCRIPTION_OVER_HTTP")
    if request.method == "GET" and operation.kind is not OperationType.QUERY:
        raise NotServed(405, "GET serves queries alone; mutations come by POST", Allow="POST")
    refuse_excess(parameters.variables)
    operation.rows.refuse_excess(parameters.variables)
    refuse_unstorable(parameters.variables)
    context = interface().personal_context(viewer)
    result = execution.run(operation, context=context, variables=parameters.variables)
    answer = execution.response(result)
    return answer, "data" in answer


def _parameters(request: HttpRequest) -> Parameters:
    if request.method == "GET":
        given: dict[str, Any] = {name: request.GET[name] for name in ("query", "operationName") if name in request.GET}
        for name in ("variables", "extensions"):
            if request.GET.get(name):
                given[name] = _json(request.GET[name], name)
        if given.get("operationName") == "":
            del given["operationName"]
    elif request.method == "POST":
        given = _posted(request)
    else:
        raise NotServed(405, f"expected GET or POST, got {request.method}", Allow="GET, POST")
    for name, kind, expected in (
        ("query", str, "a string"),
        ("operationName", str, "a string"),
        ("variables", dict, "an object"),
        ("extensions", dict, "an object"),
    ):
        if given.get(name) is not None and not isinstance(given[name], kind):
            raise NotServed(400, f"{name} must be {expected}, got {type(given[name]).__name__}")
    if not given.get("query"):
        raise NotServed(400, "query is missing")
    return Parameters(given["query"], given.get("operationName"), given.get("variables") or {})


def _posted(request: HttpRequest) -> dict[str, Any]:
    charset = request.content_params.get("charset", "utf-8") if request.content_params else "utf-8"
    if request.content_type != JSON or charset.lower().replace("-", "") != "utf8":
        raise NotServed(415, f"expected {JSON} in UTF-8, got {request.content_type or 'no content type'}")
    try:
        body = request.body
    except RequestDataTooBig as error:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise NotServed(413, f"a GraphQL request has at most {limit} bytes (GRAPHQL_BODY_BYTES)") from error
    except RawPostDataException as error:
        raise NotServed(400, "the request body could not be read") from error
    given = _json(body, "the body")
    if not isinstance(given, dict):
        raise NotServed(400, "the body must be an object; batches are not served")
    return given


def _json(text: str | bytes, what: str) -> Any:
    try:
        return read_json(text)
    except ValueError as error:
        raise NotServed(400, f"{what} is not JSON in UTF-8") from error


def _negotiated(request: HttpRequest) -> str:
    """The media type of the response; a client that names none gets application/json, as older ones expect."""
    accepted = request.accepted_types if "Accept" in request.headers else []
    if not accepted:
        return JSON
    # A wildcard is no sign that the client knows the newer type.
    newer = _quality(GRAPHQL_JSON, [each for each in accepted if "*" not in (each.main_type, each.sub_type)])
    older = _quality(JSON, accepted)
    if not (newer or older):
        raise NotServed(406, f"served are {GRAPHQL_JSON} and {JSON}")
    return GRAPHQL_JSON if newer >= older else JSON


def _quality(media_type: str, accepted: Sequence[MediaType]) -> float:
    """How much a client wants the type: the most specific range that it fits into says so (RFC 9110, 12.5.1)."""
    main, sub = media_type.split("/")
    fitting = [
        (each.main_type != "*", each.sub_type != "*", each.quality)
        for each in accepted
        if each.main_type in ("*", main) and each.sub_type in ("*", sub) and each.params.keys() <= {"q", "charset"}
    ]
    return max(fitting)[2] if fitting else 0.0


def _response(
    answer: Mapping[str, Any], media_type: str, status: int, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    response = HttpResponse(
        execution.encoded(answer),
        content_type=f"{media_type}; charset=utf-8",
        status=status,
        headers=dict(headers or {}),
    )
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = POLICY
    response["Vary"] = "Accept"
    return response
