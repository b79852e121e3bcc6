"""A linear model over TF-IDF of words: scikit-learn's values, scores that do not depend on neighbours, a file that gives the same again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pipeline.errors import MateriaError
from pipeline.linear_text import FILE, load_linear_text, train_linear_text, words_and_pairs

TEXTS = [f"{drug} {verb} {disease}." for drug in ("aspirin", "metformin") for verb in ("causes", "treats") for disease in ("pain", "edema")]  # fmt: skip
LABELS = np.array([[text.split()[1] == verb for verb in ("causes", "treats", "prevents")] for text in TEXTS])
BAGS = [words_and_pairs(text) for text in TEXTS]
MODEL = train_linear_text(BAGS, LABELS, 10.0)


def test_scores_are_those_of_scikit_learn():
    tfidf = TfidfVectorizer(analyzer=words_and_pairs, sublinear_tf=True, min_df=2)
    matrix = tfidf.fit_transform(TEXTS)
    for label in (0, 1):
        theirs = LogisticRegression(C=10.0, class_weight="balanced", solver="liblinear", tol=1e-8).fit(
            matrix, LABELS[:, label]
        )
        np.testing.assert_allclose(MODEL.scores(BAGS)[:, label], theirs.decision_function(matrix), atol=0.02)


def test_a_label_that_no_text_has_is_as_unlikely_as_it_is():
    assert (MODEL.scores(BAGS)[:, 2] == np.float32(np.log(0.5 / 8.5))).all()
    assert (MODEL.scores([*BAGS, ["never seen"], []])[-2:] == MODEL.bias).all()
    assert MODEL.scores([]).shape == (0, 3)


@given(
    st.lists(st.lists(st.sampled_from(["aspirin", "causes", "pain", "treats", "unseen", "aspirin causes"])), max_size=6)
)
def test_scores_of_a_text_are_the_same_alone_and_in_any_order_of_its_features(bags):
    alone = [MODEL.scores([bag])[0] for bag in bags]
    assert np.array_equal(MODEL.scores([bag[::-1] for bag in bags]), np.array(alone).reshape(-1, 3))


def test_a_training_and_its_file_give_the_same_bits(tmp_path):
    again = train_linear_text(BAGS, LABELS, 10.0)
    for folder, model in (("one", MODEL), ("two", again)):
        (tmp_path / folder).mkdir()
        model.save(tmp_path / folder)
    assert (tmp_path / "one" / FILE).read_bytes() == (tmp_path / "two" / FILE).read_bytes()
    assert np.array_equal(load_linear_text(tmp_path / "one").scores(BAGS), MODEL.scores(BAGS))


def test_no_file_is_no_model_and_a_damaged_one_is_refused(tmp_path):
    assert load_linear_text(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(MateriaError, match="is damaged"):
        load_linear_text(tmp_path)


def test_texts_without_words_are_scored_by_how_common_labels_are():
    model = train_linear_text([[], []], np.array([[True], [False]]), 1.0)
    assert model.scores([[], ["word"]]).tolist() == [[0.0], [0.0]]
