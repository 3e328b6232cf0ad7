from anabranch.training.streams.lesson import lesson_of


def test_the_first_of_equally_frequent_answers_is_given() -> None:
    lesson = lesson_of(["b", "a", "a", "b"])
    assert lesson is not None
    assert lesson.answer == "b"
    assert lesson.target == {"b": 0.5, "a": 0.5}


def test_samples_without_an_answer_teach_nothing() -> None:
    assert lesson_of([None, None]) is None
    assert lesson_of([]) is None
