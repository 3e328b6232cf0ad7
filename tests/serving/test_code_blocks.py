"""The code of an answer."""

import pytest

from anabranch.serving.code_blocks import code_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no code", ""),
        ("```python\na\n```", "a"),
        ("```Python title=x\na\n```", "a"),
        ("~~~py\na\n~~~", "a"),
        ("```python\r\na\r\nb\r\n```\r\n", "a\nb"),
        ("say\n```python\na\n```\nand\n```python3\nb\n```", "a\n\nb"),
        ("```\na\n```", ""),
        ("```bash\nrm x\n```\n```python\na\n```", "a"),
        ("```python\nhalf of it", ""),
        ("```text\n```python\na\n```", ""),  # the second fence is text of the first block, and the third its end
        ("````python\nx = '''\n```python\n```\n'''\n````", "x = '''\n```python\n```\n'''"),
        ("```python\n~~~\n```", "~~~"),
        ("a `python` word\n    ```python\n    a\n    ```", ""),  # four blanks: a block of text
        ("```python\nx = '\x0c'\n```", "x = '\x0c'"),
    ],
)
def test_python_blocks_are_the_code(text: str, code: str) -> None:
    assert code_of(text) == code
