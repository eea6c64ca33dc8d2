"""What `poe new-resource` can't make, it says in one sentence; nothing is written by then."""

import pytest

from evergreen.scaffold import read
from new_resource.fields import FieldError
from new_resource.tables import Table

TABLES = {
    "users": Table("users", "User", "app.auth.models", is_owned=False),
    "projects": Table("projects", "Project", "app.projects.models", is_owned=True),
    "labels": Table("labels", "Label", "app.labels.models", is_owned=False),
    "files": Table("files", "File", "app.files.models", is_owned=True, problem="it has no id"),
    "parts": Table(
        "parts", "Part", "app.parts.models", is_owned=False, references={"tree_id": "trees"}
    ),
}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        # names
        ("Note title:str", "'Note' is no name of a resource: write lower-case letters"),
        ("order-line title:str", "'order-line' is no name of a resource"),
        ("1st title:str", "'1st' is no name of a resource"),
        ("class title:str", "class is a keyword of Python: choose another name for the resource."),
        (f"{'x' * 41} title:str", "has 41 characters: a resource has at most 40."),
        ("notes title:str", "notes looks like a plural already: write note, or name its plural"),
        ("session title:str", "session is the name of something else in a slice"),
        ("setting title:str", "setting is the name of something else in a slice"),
        ("list title:str", "list is the name of something else in a slice: choose another."),
        ("property title:str", "property is the name of something else in a slice"),
        ("doc title:str", "/docs has a page already: name another plural, with --plural."),
        ("note title:str --plural note", "The plural of note has to differ from it"),
        ("note title:str --plural No", "'No' is no name of a plural"),
        (f"{'order' * 7} a:str --in label", "is too long for the name of an index"),
        ("project name:str", "There is a table projects already: choose another name."),
        # fields
        ("note done:bool:default=false", "A resource needs a field without a default"),
        ("note title", "title has no kind: write title:str, or another of str, text,"),
        ("note title:", "title:: there is no kind '': choose one of str, text,"),
        ("note title:string", "title:string: there is no kind 'string': choose one of str,"),
        ("note Title:str", "'Title' is no name of a field"),
        ("note import:str", "import is a keyword of Python: choose another name for the field."),
        ("note owner:ref:user", "A field can't be called owner, which a slice uses"),
        ("note created_at:datetime", "A field can't be called created_at"),
        ("note metadata:json", "A field can't be called metadata"),
        ("note model_x:str", "A field can't be called model_x"),
        ("note date:date", "A field can't be called date"),
        ("note note:str", "The field note has the name of the resource"),
        ("note a:str a:int", "There are two fields a: give each field a name of its own."),
        ("note a_id:uuid a:ref:user", "There are two fields a_id"),
        # limits
        ("note a:str:20", "a:str:20: 20 is neither a limit, such as 1..20, 1.. or ..20, nor"),
        ("note a:str:..", "a:str:..: .. is neither a limit"),
        ("note a:str:1..20:5..6", "1..20:5..6 is neither a limit"),
        ("note a:str:20..1", "a:str:20..1: 20 is more than 1: write the lower limit first."),
        ("note a:str:-1..1", "a text has 0 to 10000 characters."),
        ("note a:str:1..10001", "a text has 0 to 10000 characters."),
        ("note a:text:0..0", "a text that is always empty is no field."),
        ("note a:int:1.5..2", "the limits of int are numbers, not 1.5..2."),
        ("note a:int:5..5", "it would always be 5."),
        ("note a:int:0..9223372036854775808", "no database has integers of more than 64 bits."),
        ("note a:float:1..0", "1.0 is more than 0.0"),
        ("note a:bool:1..2", "a bool has nothing of its own after it"),
        ("note a:date:tomorrow", "a date has nothing of its own after it"),
        ("note a:decimal", "a decimal has its digits and places after it, as in decimal:10,2."),
        ("note a:decimal:2,2", "a decimal has at most 30 digits, and at least one before"),
        ("note a:decimal:16,2", "SQLite keeps a decimal of more than 15 digits only nearly"),
        ("note a:enum", "an enum has at least two values after it"),
        ("note a:enum:one", "an enum has at least two values after it"),
        ("note a:enum:one,Two", "'Two' is no value of an enum"),
        ("note a:enum:one,one", "two of the values are the same."),
        ("note a:enum:a-b,a_b", "two of the values are the same."),
        # options
        ("note a:str:optional:optional", "a:str:optional:optional says something twice."),
        ("note a:int:default=1:optional b:str", "has a default, so it is never empty"),
        ("note a:bool:unique", "a bool can't be unique; str, int,"),
        ("note a:ref:project:unique", "a ref can't be unique"),
        ("note a:str:1..501:unique", "an index holds at most 500 characters of a unique text."),
        ("note a:int:1..5:unique", "only 5 rows could have different values."),
        ("note a:decimal:3,3", "at least one before the point"),
        ("note a:int:default=x b:str", "'x' is no default for this field."),
        ("note a:int:1..5:default=6 b:str", "'6' is no default for this field."),
        ("note a:bool:default=yes b:str", "'yes' is no default for this field."),
        ("note a:enum:b,c:default=d b:str", "'d' is no default for this field."),
        ("note a:float:default=nan b:str", "'nan' is no default for this field."),
        ("note a:decimal:4,2:default=0.555 b:str", "'0.555' is no default for this field."),
        ('note a:str:default="x" b:str', "is no default for this field."),
        ("note a:date:default=2026-12-24 b:str", "a date can't have a default."),
        ("note a:str:unique:default=x b:str", "what is unique can't have a default."),
        # other resources
        ("note a:ref", "a ref has the name of a resource after it, as in ref:project."),
        ("note a:ref:A", "'A' is no name of a resource"),
        (
            "note a:ref:nothing",
            "There is no resource nothing: there are file, label, part, project, user.",
        ),
        ("note a:ref:file", "file can't be referred to: it has no id."),
        ("note a:ref:part", "part can't be referred to: its tree_id names trees."),
        ("note a:ref:note", "a:ref:note: a resource can't name rows of its own yet."),
        ("note a:ref:project --shared", "The rows of projects have owners, so what every user"),
        ("note a:str --in nothing", "There is no resource nothing: there are file,"),
        ("note a:str --in user", "What is in a user is what has an owner: leave out --in."),
        ("note a:str --in project --shared", "The rows of projects have owners, so those in them"),
        ("note project:ref:project --in project", "--in gives the rows a project_id already"),
    ],
)
def test_it_is_refused_in_a_sentence(words: str, sentence: str) -> None:
    with pytest.raises(FieldError) as error:
        read(words.split(), TABLES)

    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "plural"),
    [("note", "notes"), ("box", "boxes"), ("city", "cities"), ("day", "days"), ("bus", "buses")],
)
def test_a_plural_is_that_of_most_words(name: str, plural: str) -> None:
    assert read([name, "title:str"]).plural == plural


def test_fields_can_come_after_options() -> None:
    resource = read(["note", "--plural", "memos", "title:str", "--shared", "done:bool"])

    assert [field.name for field in resource.fields] == ["title", "done"]
    assert (resource.plural, resource.is_shared) == ("memos", True)
