"""Ugly files of all kinds, each as bytes under a name: what exports, transfers and people make."""

import gzip
import io
import zipfile

__all__ = ["UGLY"]

_PLAIN = "id,name,price\n1,Ann,2.5\n2,Bob,3.5\n3,Zoë,4\n4,Dan,5.25\n"

_TEXTS: dict[str, str] = {
    "plain": _PLAIN,
    "marks of byte order in the middle": _PLAIN + "\ufeff" + _PLAIN,
    "two marks of byte order": "\ufeff\ufeff" + _PLAIN,
    "only carriage returns": _PLAIN.replace("\n", "\r"),
    "three line ends": "a,b\r\n1,2\n3,4\r5,6\r\n7,8\n\r9,10\r\r\n",
    "separators of lines in cells": "a,b\n1,x\u2028y\n2,x\u0085y\n3,x\x0by\n4,x\x0cy\n",
    "quote in the middle": 'a,b\n1,x "y" z\n2,5" pipe\n3,w\n',
    "quote that is never closed": 'a,b\n1,x\n2,"y\n3,z\n4,w\n',
    "quotes upon quotes": 'a,b\n"""1""","x""y"\n"""","""""""\n""x"",""y""\n',
    "quoted line breaks": 'a,b\n1,"x\ny"\n2,"x\r\ny"\n3,"x\ry"\n4,z\n',
    "quote at the very end": 'a,b\n1,x\n2,y\n3,"',
    "apostrophes as quotes": "a,b\n'1','x'\n'2','y,z'\n",
    "no names": ",,\n1,2,3\n4,5,6\n",
    "some names": "a,,c\n1,2,3\n4,5,6\n",
    "blank names": " ,\t,\u00a0\n1,2,3\n4,5,6\n",
    "repeated names": "a,b,a\n1,2,3\n4,5,6\n",
    "names of numbers": "1,2,3\n1,2,3\n1,2,3\n",
    "a name that is a pattern": "^.*$,b\n1,2\n3,4\n",
    "names of the reader's own": "column_1,,column_2\n1,2,3\n4,5,6\n",
    "a name of 1 MB": "a" * (1 << 20) + ",b\n1,2\n3,4\n",
    "a header of 1 MB": ",".join(f"{n:05}" * 1_000 + "x" for n in range(200)) + ",x\n1\n",
    "separators at the end": "a,b,\n1,2,\n3,4,\n",
    "many separators at the end": "a,b,,,,\n1,2,,,,\n3,4,,,,\n",
    "only separators": ",,,\n,,,\n,,,\n",
    "only quotes": '"",""\n"",""\n',
    "only blanks": "  \n \t \n",
    "a line that names the separator": 'sep=;\n"a";"b"\n1;2\n3;4\n',
    "a line that names the separator alone": "sep=;\n",
    "a line that names a letter as separator": "sep=a\nbac\n1a2\n3a4\n",
    "separators of two kinds": "a;b\n1,2\n3;4\n5\t6\n7|8\n",
    "rows of all lengths": "a,b,c\n1\n1,2\n1,2,3\n1,2,3,4\n1,2,3\n1,2,3\n",
    "empty lines": "\n\na,b\n\n1,2\n\n\n3,4\n\n",
    "one column": "a\n1\n\n2\n\n",
    "one cell": "a",
    "one line": "a,b,c",
    "header again and again": "a,b\n1,x\na,b\n2,y\na,b\n3,z\n",
    "two tables": "a,b\n1,2\n3,4\n5,6\n\nc,d,e\nx,y,z\nu,v,w\n",
    "titles and totals": "Report\n\nshop,n\nA,1\nB,2\nC,3\nTotal,6\n\nSource: till\n",
    "numbers of all kinds": "a,b\n1e400,0x1F\n-0,1_000\nnan,inf\n٣,½\n1e-400,--1\n",
    "dates of all kinds": "d,e\n31.02.2024,0000-00-00\n9999-12-31,24:00\n1/2/3,12/31/99\n45000,x\n",
    "no joining letters": "a,b\n\u200b1,\u202e2\n\ufffd,\ufffe\n\U0010ffff,\u0301\n",
    "words for nothing": "a,b\nNA,null\n?,-\nN/A,NaN\n,\n",
    "formulas": "a,b\n=1+1,@SUM(A1)\n+1,-1\n=cmd|' /C calc'!A0,x\n",
    "objects": '{"a": 1, "b": "x"}\n{"a": 2}\n{"b": [1, {"c": null}]}\n',
    "an array of objects": '[{"a": 1}, {"a": "x"}, 7, null]',
    "a page": "<html><body><table><tr><td>1</td></tr></table></body></html>\n",
}  # fmt: skip


def _zipped(names: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in names.items():
            file.writestr(name, content)
    return made.getvalue()


_LATIN = _PLAIN.encode("cp1252")
_WHOLE = _PLAIN.encode()
_PACKED = gzip.compress(_WHOLE * 20, mtime=0)
_BYTES: dict[str, bytes] = {
    "nothing.csv": b"",
    "latin.csv": _LATIN,
    "latin in utf8.csv": _WHOLE * 3 + _LATIN,
    "utf8 in latin.csv": _LATIN * 3 + _WHOLE,
    "half a letter.csv": _WHOLE[: _WHOLE.index("ë".encode()) + 1],
    "half pairs.csv": b"a,b\n1,\xed\xa0\x80\n2,\xed\xb0\x80\n",
    "half pair of utf16.csv": b"\xff\xfea\x00,\x00b\x00\n\x001\x00,\x00\x00\xd8\n\x00",
    "odd utf16.csv": _PLAIN.encode("utf-16")[:-1],
    "odd utf16 without a mark.csv": _PLAIN.encode("utf-16-be")[:-1],
    "utf32.csv": _PLAIN.encode("utf-32"),
    "two encodings of two bytes.csv": _PLAIN.encode("utf-16") + _WHOLE,
    "only a mark.csv": b"\xef\xbb\xbf",
    "only a mark of utf16.csv": b"\xff\xfe",
    "nul.csv": b"a,b\n1,\x00\n2,x\n",
    "nothing but nul.csv": b"\x00" * 500,
    "every byte.csv": b"a,b\n" + bytes(range(256)) * 3,
    "signs of control.csv": b"a,b\n\x01,\x1f\n\x7f,\x1a\n",
    "cut.csv.gz": _PACKED[:-12],
    "cut early.csv.gz": _PACKED[:7],
    "twice.csv.gz": _PACKED + gzip.compress(_WHOLE, mtime=0),
    "more behind.csv.gz": _PACKED + b"more",
    "nothing.csv.gz": gzip.compress(b"", mtime=0),
    "packed twice.csv.gz": gzip.compress(_PACKED, mtime=0),
    "no gz.csv.gz": _WHOLE,
    "a zip.csv": _zipped({"a.csv": _WHOLE}),
    "a cut zip.csv": _zipped({"a.csv": _WHOLE})[:-30],
    "a csv.xlsx": _WHOLE,
    "a page.xls": b"<html><table><tr><td>1</td></tr></table></html>",
    "a zip.xlsx": _zipped({"a.csv": _WHOLE}),
    "hollow.xlsx": _zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b"<workbook/>"}),
    "a csv.parquet": _WHOLE,
    "only marks.parquet": b"PAR1PAR1",
    "a csv.arrow": _WHOLE,
    "a csv.jsonl": _WHOLE,
    "deep.jsonl": b"[" * 5_000,
    "half pair.jsonl": b'{"a": "\\ud800"}\n{"a": "x"}\n',
    "great numbers.jsonl": b'{"a": 1' + b"0" * 5_000 + b"}\n" + b'{"a": 1e999}\n',
}


def _workbook() -> bytes:
    import polars as pl

    made = io.BytesIO()
    pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]}).write_excel(made)
    return made.getvalue()


def _every() -> list[tuple[str, bytes]]:
    made = []
    for name, text in _TEXTS.items():
        whole = text.encode("utf-8", "surrogatepass")
        made += [(f"{name}.csv", whole), (f"{name}.csv.gz", gzip.compress(whole, 1, mtime=0))]
        made.append((f"{name}, utf-16.csv", text.encode("utf-16")))
    book = _workbook()
    made += [("a workbook.csv", book), ("a cut workbook.xlsx", book[: len(book) // 2])]
    return [*made, *_BYTES.items(), ("a workbook.xlsx", book)]


UGLY = _every()
"""The name of each file, of which the ending matters, and its bytes."""
