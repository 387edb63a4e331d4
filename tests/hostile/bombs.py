"""Short questions that would cost much, by the sentence that says what they are."""

import json

from tests.hostile.asking import parameters


def nested(depth: int) -> str:
    return '{ message(id: "1") ' + "{ replyTo " * depth + "{ id }" + " }" * depth + " }"


def fragments(bodies: list[str]) -> str:
    return "{ viewer { ...F0 } } " + " ".join(f"fragment F{n} on User {{ {body} }}" for n, body in enumerate(bodies))


def of_type(kind: str) -> str:
    return f"query($v: {kind}) {{ room(slug: $v) {{ id }} }}"


LISTS = "mutation($v: [ID!]!) { openDirectRoom(input: {userIds: $v}) { room { id } } }"
COUNTED = "query($v: Int) { rooms(first: $v) { nodes { id } } }"
OBJECT = "mutation($v: SendMessageInput!) { sendMessage(input: $v) { status } }"
PAGES = "rooms(first: 200) { nodes { messages(last: 200) { nodes { id reactions { users(first: 200) { id } } } } } }"

DOCUMENTS = {
    "many aliases of a small field": "{ viewer { " + " ".join(f"a{n}: id" for n in range(660)) + " } }",
    "many aliases of an expensive field": "{ " + " ".join(f"a{n}: {PAGES}" for n in range(40)) + " }",
    "pages within pages": "{ " + PAGES + " }",
    "far more aliases than tokens are allowed": "{ viewer { " + " ".join(f"a{n}: id" for n in range(60_000)) + " } }",
    "a field a thousand times": "{ viewer { " + "id " * 990 + "} }",
    "fragments that double sixty times": fragments([f"...F{n + 1} ...F{n + 1}" for n in range(60)] + ["id"]),
    "fragments in a circle": fragments([f"...F{n + 1}" for n in range(200)] + ["...F0"]),
    "fragments that all spread all others": fragments(
        [" ".join(f"...F{m}" for m in range(40) if m != n) for n in range(40)]
    ),
    "many fragments that compare with each other": "{ viewer { "
    + " ".join(f"...F{n}" for n in range(140))
    + " } } "
    + " ".join(f"fragment F{n} on User {{ id username }}" for n in range(140)),
    "fields nested ten thousand times": nested(10_000),
    **{f"fields nested {depth} times": nested(depth) for depth in (13, 100, 200, 450, 660)},
    **{
        f"inline fragments nested {depth} times": "{ viewer {" + "...{" * depth + "id" + "}" * depth + "}}"
        for depth in (60, 100, 150, 200, 250, 300, 450)
    },
    **{
        f"a list type nested {depth} times": of_type("[" * depth + "Int" + "]" * depth)
        for depth in (50, 100, 200, 300, 350, 400, 450, 600, 900)
    },
    **{
        f"a list value nested {depth} times": "{ room(slug: " + "[" * depth + "]" * depth + ") { id } }"
        for depth in (50, 100, 150, 200, 250, 300, 450, 900)
    },
    **{
        f"an object nested {depth} times": "{ room(slug: " + "{a:" * depth + "1" + "}" * depth + ") { id } }"
        for depth in (50, 100, 150, 200, 250, 300, 450)
    },
    "many operations": " ".join(f"query Q{n} {{ viewer {{ id }} }}" for n in range(250)),
    "many variables": "query(" + " ".join(f"$v{n}: Int" for n in range(480)) + ") { viewer { id } }",
    "many unknown fields": "{ " + " ".join(f"a{n}" for n in range(990)) + " }",
    "many unknown directives": "{ viewer " + "@foo " * 900 + "{ id } }",
    "many arguments": "{ room(" + " ".join(f"a{n}: 1" for n in range(600)) + ") { id } }",
    "a megabyte of one name": "{ " + "x" * 1_000_000 + " }",
    "a megabyte of one comment": "{ nothing } #" + "x" * 1_000_000,
    "a megabyte of comments": "{ nothing } " + "#\n" * 500_000,
    "a megabyte of commas": "{ nothing } " + "," * 1_000_000,
    "a megabyte of lines": "{ nothing } " + "\n" * 1_000_000,
    "a megabyte of one text": '{ room(slug: "' + "x" * 1_000_000 + '") { nothing } }',
    "a megabyte of escapes": '{ room(slug: "' + "\\u0041" * 80_000 + '") { nothing } }',
    "a megabyte of lines in a text": '{ room(slug: """' + "x\n" * 250_000 + '""") { nothing } }',
    "a megabyte of one number": "{ rooms(first: " + "9" * 1_000_000 + ") { nodes { id } } }",
}

BOMBS = {
    **{name: parameters(query) for name, query in DOCUMENTS.items()},
    "a list of a hundred thousand values": parameters(LISTS, v=["1"] * 100_000),
    "a list of a hundred thousand wrong values": parameters(LISTS, v=[{}] * 100_000),
    "a list of lists": parameters(LISTS, v=[[[]] * 1_000] * 50),
    "an object of fifty thousand fields": parameters(OBJECT, v={f"f{n}": 1 for n in range(50_000)}),
    "fifty thousand variables": parameters("{ nothing }", **{f"v{n}": 1 for n in range(50_000)}),
    "a wrong value of half a megabyte": parameters(LISTS, v={"x" * 500_000: 1}),
    "a number of four thousand digits": f'{{"query": {json.dumps(COUNTED)}, "variables": {{"v": {"9" * 4_000}}}}}',
}
