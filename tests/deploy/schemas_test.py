"""deploy/schemas: the three forms of each schema name the same fields, and every field says what it is."""
import json
import re
import unittest
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "deploy/schemas"
NAMES = ("transaction", "label", "verdict")


def avro(schema) -> dict:
    """Names below names; a leaf is None. Every field must have a doc."""
    if isinstance(schema, list):
        return next((found for found in map(avro, schema) if found), None)
    if not isinstance(schema, dict):
        return None
    if schema["type"] == "record":
        assert all(field["doc"].endswith(".") for field in schema["fields"]), schema["name"]
        return {field["name"]: avro(field["type"]) for field in schema["fields"]}
    return avro(schema.get("items") or schema.get("values"))


def json_schema(schema) -> dict:
    if "properties" in schema:
        assert all(part["description"].endswith(".") for part in schema["properties"].values()), schema
        return {name: json_schema(part) for name, part in schema["properties"].items()}
    below = schema.get("items") or schema.get("additionalProperties")
    return json_schema(below) if below else None


def protobuf(text: str) -> dict:
    """Enough of the language for these files. A comment must stand above every field."""
    messages, stack, commented = {}, [], False
    for line in map(str.strip, text.splitlines()):
        if opened := re.match(r"message (\w+) {", line):
            stack.append((opened[1], {}))
        elif line == "}":
            name, fields = stack.pop()
            messages[name] = fields
        elif field := re.match(r"(?:optional |repeated )?(map<\w+, (\w+)>|[\w.]+) (\w+) = \d+;", line):
            assert commented, line
            stack[-1][1][field[3]] = messages.get(field[2] or field[1])
        commented = line.startswith("//")
    return messages


class Schemas(unittest.TestCase):
    def test_the_three_forms_agree_and_every_field_is_explained(self):
        for name in NAMES:
            with self.subTest(name):
                of_avro = avro(json.loads((SCHEMAS / f"{name}.avsc").read_text()))
                self.assertEqual(json_schema(json.loads((SCHEMAS / f"{name}.schema.json").read_text())), of_avro)
                self.assertEqual(protobuf((SCHEMAS / f"{name}.proto").read_text())[name.capitalize()], of_avro)

    def test_the_message_comes_first_or_its_index_is_not_zero(self):
        for name in NAMES:
            first = re.search(r"^message (\w+)", (SCHEMAS / f"{name}.proto").read_text(), re.M)
            self.assertEqual(first[1], name.capitalize())


if __name__ == "__main__":
    unittest.main(verbosity=2)
