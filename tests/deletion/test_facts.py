"""The table of facts: both formats, and what is wrong with a line, by line and column."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from own_people import COLUMNS, own_facts, write_csv
from salmubench.core.errors import DatasetError
from salmubench.deletion.facts import Fact, read_facts


def table(tmp_path: Path, *lines: str, head: str = "name,field,value") -> Path:
    path = tmp_path / "facts.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def test_csv_and_json_say_the_same(tmp_path):
    rows = own_facts()
    path = tmp_path / "facts.json"
    path.write_text(json.dumps([{**row, "forget": row.get("forget") != "no"} for row in rows]))
    facts = [[(fact.name, fact.field, fact.value, fact.forget, fact.caption) for fact in read_facts(source)]
             for source in (write_csv(tmp_path / "facts.csv", rows), path)]  # fmt: skip
    assert facts[0] == facts[1]
    assert facts[0][0] == ("Anna Moreau", "city", "Lyon", True, None)
    assert facts[0][-1] == ("Farid Rossi", "hobby", "opera", False, None)


def test_a_fact_stands_once_for_each_of_its_pictures(tmp_path):
    lines = ["Anna,city,Lyon,0.jpg", "Anna,city,Lyon,1.jpg", "Anna,country_code,France,2.jpg",
             "Anna,country_code,France,3.jpg", "Anna,hobby,chess,"]  # fmt: skip
    head = "name,field,value,picture"
    found = read_facts(table(tmp_path, *lines, head=head))
    assert [fact.picture for fact in found] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", None]
    for line, message in (
        ("Anna,city,Lyon,", "line 7: Expected each fact once, got that of line 2 again."),
        (
            "Anna,job,Baker,1.jpg",
            "line 7, column picture: Expected one fact of each picture, got '1.jpg' of line 3, too.",
        ),
        (
            "Anna,city,Lyon,1.jpg",
            "line 7, column picture: Expected one fact of each picture, got '1.jpg' of line 3, too.",
        ),
        ("Anna,country_code,Japan,4.jpg", "line 7: Expected one country_code of a person"),
    ):
        with pytest.raises(DatasetError, match=re.escape(message)):
            read_facts(table(tmp_path, *lines, line, head=head))


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_spreadsheets(tmp_path, delimiter):
    """A byte order mark, other delimiters, other spellings of columns and of official fields."""
    path = tmp_path / "facts.csv"
    lines = [["Name", "Field ", "VALUE", "forget"], ["Anna  Moreau", "Blood type", "AB+", "No"]]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(delimiter.join(line) for line in lines).encode())
    assert read_facts(path) == [Fact("Anna Moreau", "blood_type", "AB+", forget=False, where="line 2")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Anna,city,"], "line 2, column value: Expected a text, got none."),
        (["Anna,city,Lyon", ",city,Rome"], "line 3, column name: Expected a text, got none."),
        (["Anna,name,Lyon"], "line 2, column field: Expected one of country_code, city"),
        (["Anna,12,Lyon"], "line 2, column field: Expected one of country_code, city"),
        (["!!,city,Lyon"], "line 2, column name: Expected a name with letters, got '!!'."),
        (["Anna,city,Lyon", "Anna,city,Lyon"], "line 3: Expected each fact once, got that of line 2 again."),
        (["Anna,city,Lyon,maybe"], "line 2: Expected 3 cells, got 4."),
        (["Anna,iban,X1", "Bruno,iban,X1"],
         "line 3: Expected the iban 'X1' of one person only, got it of Anna in line 2, too. If they share it, give"),
        (["Anna,country_code,France", "Anna,country_code,Japan"], "line 3: Expected one country_code of a person"),
        (["Anna,city,Ly\x07on"], "line 2, column value: Expected letters, got control characters"),
        ([f"Anna,city,{'x' * 1001}"], "line 2, column value: Expected at most 1000 letters, got 1001."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line(tmp_path, lines, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_facts(table(tmp_path, *lines))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Anna,city,Lyon,perhaps,", "line 2, column forget: Expected yes or no, got 'perhaps'."),
        (
            "Anna,city,Lyon,,Anna lives in lyon.",
            "line 2, column caption: Expected the value 'Lyon' in it, word by word",
        ),
        ("Anna,city,Lyon,,Annabel is in Lyon.", "line 2, column caption: Expected the name 'Anna' in it, word by word"),
    ],
)
def test_answers_and_captions(tmp_path, line, message):
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_facts(table(tmp_path, line, head=",".join(COLUMNS)))


def test_everything_that_is_wrong_at_once(tmp_path):
    with pytest.raises(DatasetError) as caught:
        read_facts(table(tmp_path, "Anna,city,", ",city,Rome", "Bruno,city,Oslo"))
    message = str(caught.value)
    assert "Found 2 problems" in message
    assert "line 2, column value" in message
    assert "line 3, column name" in message


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("name,field,valeu", "in line 1 of .*Unknown column 'valeu'. Did you mean 'value'"),
        ("name,field", "got no value"),
        ("name,field,value,value", "one of them twice"),
        ("", "Unknown column|got no name, field, value"),
    ],
)
def test_columns(tmp_path, head, message):
    with pytest.raises(DatasetError, match=message):
        read_facts(table(tmp_path, "Anna,city,Lyon", head=head))


def test_fields_by_their_other_names(tmp_path):
    lines = ["Anna,E-mail,anna@corp.example", "Anna,Phone,+1 202 555 0147", "Anna,country,France", "Anna,Hobby,chess"]
    fields = [fact.field for fact in read_facts(table(tmp_path, *lines, head="name,field,value"))]
    assert fields == ["emails", "phone_number", "country_code", "Hobby"]
    twice = ["Anna,email,Anna@corp.example", "Bruno,emails,anna@corp.example"]
    with pytest.raises(DatasetError, match="line 3: Expected the emails 'anna@corp.example' of one person only"):
        read_facts(table(tmp_path, *twice, head="name,field,value"))


def test_joiners_are_part_of_a_name(tmp_path):
    name = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"
    (fact,) = read_facts(table(tmp_path, f"{name},city,Lyon", head="name,field,value"))
    assert fact.name == name


def test_a_kept_value_may_not_state_one_to_be_forgotten(tmp_path):
    lines = ["Anna,city,Mexico City,yes", "Anna,country_code,mexico,no"]
    message = re.escape("line 3: Expected 'mexico' of Anna to say nothing of 'Mexico City', which is to be forgotten")
    with pytest.raises(DatasetError, match=message):
        read_facts(table(tmp_path, *lines, head="name,field,value,forget"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "Expected a list of facts"),
        ("[1]", "Expected an object with name, field, value as entry 1"),
        ('[{"name": "A", "feild": "x"}]', "in entry 1 of .*Did you mean 'field'"),
        ('[{"name": "A", "field": "age", "value": 7}]', "entry 1, column value: Expected a text, got 7. Quote it."),
        ('[{"name": "A", "field": ["x"], "value": "7"}]', "entry 1, column field: Expected a text"),
        ("[]", "Expected facts in .*got none"),
        ("[", "JSON"),
    ],
)
def test_json(tmp_path, content, message):
    path = tmp_path / "facts.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_facts(path)


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(DatasetError, match="Expected a table of facts at .*nothing.csv, got none. Check the path"):
        read_facts(tmp_path / "nothing.csv")
    path = tmp_path / "facts.csv"
    path.write_bytes(b"name,field,value\nAnna,city,M\xfcnchen\n")
    with pytest.raises(DatasetError, match="Expected a table in UTF-8 .*Save the table as CSV in UTF-8"):
        read_facts(path)
    path.write_text('name,field,value\nAnna,city,"Lyon\n')
    with pytest.raises(DatasetError, match="Expected a CSV table at .*unexpected end of data"):
        read_facts(path)


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        (["Anna,credit_card,4915000000000000"], "facts.csv, line 2, column value: '4915000000000000' ends with zeros"),
        (["Anna,phone_number,1.5E+10"], "line 2, column value: '1.5E+10' is a number that a spreadsheet has shortened"),
        (['Anna,phone_number,"4,9E+12"'], "line 2, column value: '4,9E+12' is a number"),
        (["Anna,passport,'0123"], "line 2, column value: \"'0123\" begins with an apostrophe"),
        (["Anna,city,#N/A"], "line 2, column value: '#N/A' is a spreadsheet's error"),
        (["#REF!,city,Rome"], "line 2, column name: '#REF!' is a spreadsheet's error"),
        (["Anna,locker,12-Mar"], "line 2, column value: '12-Mar' is a date"),
        (["Anna,locker,2026-03-12 00:00:00"], "is a date"),
        (["Anna,city,Rome", "anna,job,baker"], "line 3: 'anna' and 'Anna' (line 2) are taken for two people."),
        (["Anna,job,baker", "Anna,job,judge"],
         "line 3: Anna has two values of job, 'baker' (line 2) and 'judge': both are asked."),
    ],
)  # fmt: skip
def test_what_spreadsheets_do_is_told(tmp_path, caplog, lines, warning):
    assert len(read_facts(table(tmp_path, *lines))) == len(lines)
    assert warning in caplog.text
    assert len(caplog.records) == 1


def test_what_people_write_is_no_doubt(tmp_path, caplog):
    lines = [
        "Anna,credit_card,4915 0000 0000 0001", "Anna,phone_number,+1 202 555 0147", "Anna,birth date,12.03.1980",
        "Anna,emails,a@example.org", "Anna,emails,b@example.org", "Anna,hobby,chess", "Anna,hobby,judo",
        "D'Arcy O'Neil,blood_type,A+",
    ]  # fmt: skip
    read_facts(table(tmp_path, *lines))
    assert not caplog.records
