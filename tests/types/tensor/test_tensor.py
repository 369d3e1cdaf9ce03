from __future__ import annotations

import hashlib
import io
import sys
from array import array as stdlib_array
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mediatypes as mt
from mediatypes import DocumentError, InputError, Tensor
from mediatypes.formats import npy as npy_format
from mediatypes.testing import ValueContract
from tests.samples import decoded, encode, photograph

NAN, INF = float("nan"), float("inf")
Array = np.ndarray[Any, np.dtype[Any]]


class TorchTensor:
    """As much of `torch.Tensor` as a Tensor is made from: of some dtypes torch gives numpy only a view of the bits."""

    def __init__(self, array: Array, dtype: str) -> None:
        self.array, self.dtype, self.shape = array, f"torch.{dtype}", array.shape

    def detach(self) -> TorchTensor:
        return self

    cpu = resolve_conj = resolve_neg = detach

    def view(self, dtype: str) -> TorchTensor:
        return TorchTensor(self.array.view(dtype), dtype)

    def numpy(self) -> Array:
        if "bfloat" in self.dtype or "float8" in self.dtype:
            raise TypeError(f"Got unsupported ScalarType {self.dtype}")
        return self.array


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a TorchTensor count as torch's, without torch being installed."""
    module = ModuleType("torch")
    module.Tensor, module.int16, module.uint8 = TorchTensor, "int16", "uint8"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", module)


def bits(dtype: str) -> Array:
    """Every code of a dtype that numpy does not have."""
    stored = np.dtype(npy_format.BITS[dtype])
    return np.arange(256**stored.itemsize).astype(stored)


def of_bits(dtype: str, values: Array) -> Tensor:
    """A tensor of such a dtype, as one that was read back."""
    data, store = npy_format.write(values), mt.MemoryStore()
    digest = hashlib.sha256(data).hexdigest()
    path = store.put(data, suffix=".npy", media_type="application/x-npy", sha256=digest, size=len(data))
    reference = {"path": path, "sha256": digest, "size": len(data), "media_type": "application/x-npy"}
    members = {"_type": "tensor", "_version": "1.0", "dtype": dtype, "shape": list(values.shape)}
    tensor: Tensor = mt.decode({**members, **reference}, store)
    return tensor


class TestTensorContract(ValueContract):
    def examples(self) -> dict[str, Tensor]:
        return {
            "photograph": Tensor(photograph("coffee")),
            "every member": Tensor(np.array([[1.5, NAN, INF], [-INF, -INF, 2]], np.float32), caption="Gewichte"),
            "scalar": Tensor(np.float64(0.25)),
            "large integers": Tensor(np.array([2**53 + 1, 2**64 - 1], np.uint64)),
            "bool": Tensor([True, False]),
            "empty": Tensor(np.zeros((0, 3), np.int16)),
            "complex": Tensor(np.array([1 + 2j, complex(NAN, 0)], np.complex64)),
            "no statistics": Tensor([NAN]),
            "overflow": Tensor([1.7e308, -1.7e308, 1.7e308]),
            "bfloat16": of_bits("bfloat16", np.array([0x3F80, 0xC000], np.uint16)),
            "float8": of_bits("float8_e4m3fn", np.array([[0x38]], np.uint8)),
        }

    def bad_documents(self) -> dict[str, tuple[dict[str, Any], str]]:
        header = "an npy file of version 1.0 with {'descr': '|%s', 'fortran_order': False, 'shape': %s}"
        found = """b"{'descr': '|u1', 'fortran_order': False, 'shape': (400,..."""
        restore = "Restore the sidecar or the document."
        return {
            "another shape": (
                {"shape": [400, 3, 600]},
                f"tensor: expected {header % ('u1', '(400, 3, 600), ')}, got {found} {restore}",
            ),
            "another dtype": (
                {"dtype": "int8"},
                f"tensor: expected {header % ('i1', '(400, 600, 3), ')}, got {found} {restore}",
            ),
            "a shape that is larger than the sidecar": (
                {"shape": [10**6, 10**6]},
                "size: expected more than the 1000000000000 bytes of the values, got 720128. Restore the document.",
            ),
            "an unknown dtype": (
                {"dtype": "float128"},
                "dtype: expected one of bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, "
                "float32, float64, complex64, complex128, bfloat16, float8_e3m4, float8_e4m3, float8_e4m3b11fnuz, "
                "float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu, got 'float128'.",
            ),
            "another percentile": (
                {"percentiles": {"99": 1}},
                "percentiles['99']: expected a name matching 5|25|50|75|95, got '99'.",
            ),
            "no NaN counted": ({"nan_count": 0}, "nan_count: expected an integer >= 1, got 0."),
        }


def test_a_photograph_is_kept_with_numpys_statistics() -> None:
    pixels = photograph("astronaut")
    tensor = decoded(Tensor(pixels, caption="astronaut"))
    np.testing.assert_array_equal(tensor.to_numpy(), pixels)
    assert (tensor.dtype, tensor.shape, tensor.ndim, tensor.size) == ("uint8", (512, 512, 3), 3, 512 * 512 * 3)
    assert (tensor.min, tensor.max, tensor.caption) == (0, 255, "astronaut")
    assert tensor.mean == pytest.approx(pixels.mean(), rel=1e-12)
    assert tensor.variance == pytest.approx(pixels.var(), rel=1e-12)
    assert list(tensor.percentiles.values()) == np.percentile(pixels, [5, 25, 50, 75, 95]).tolist()


def test_the_document_says_everything() -> None:
    document, store = encode(Tensor(np.array([1, 2, 3, 6, NAN, INF, -INF, -INF], np.float64).reshape(2, 4)))
    (path,) = store.files
    assert document == {
        "_type": "tensor",
        "_version": "1.0",
        "path": path,
        "sha256": path[3:67],
        "size": 192,
        "media_type": "application/x-npy",
        "dtype": "float64",
        "shape": [2, 4],
        "min": 1.0,
        "max": 6.0,
        "mean": 3.0,
        "variance": 3.5,
        "percentiles": {"5": 1.15, "25": 1.75, "50": 2.5, "75": 3.75, "95": 5.55},
        "nan_count": 1,
        "positive_infinity_count": 1,
        "negative_infinity_count": 2,
    }


VALUES = [[1.0, 2.0, 4.0], [0.0, -1.0, 8.0]]
ARRAY = np.array(VALUES)


class OnlyDlpack:
    """An array of a framework that speaks DLPack and nothing else."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


SPELLINGS: dict[str, Callable[[], Tensor]] = {
    "nested lists": lambda: Tensor(VALUES),
    "tuples": lambda: Tensor(tuple(map(tuple, VALUES))),
    "an array": lambda: Tensor(ARRAY),
    "big-endian": lambda: Tensor(ARRAY.astype(">f8")),
    "Fortran order": lambda: Tensor(np.asfortranarray(ARRAY)),
    "strides": lambda: Tensor(np.repeat(ARRAY, 2, axis=1)[:, ::2]),
    "negative strides": lambda: Tensor(ARRAY[:, ::-1].copy()[:, ::-1]),
    "a mask that hides nothing": lambda: Tensor(np.ma.asarray(ARRAY)),
    "a DataFrame": lambda: Tensor(pd.DataFrame(VALUES)),
    "rows of the standard library": lambda: Tensor([stdlib_array("d", row) for row in VALUES]),
    "torch": lambda: Tensor(TorchTensor(ARRAY, "float64")),
    "DLPack": lambda: Tensor(OnlyDlpack(ARRAY)),
    "a Tensor": lambda: Tensor(Tensor(ARRAY)),
}


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_tensor(spelling: Callable[[], Tensor]) -> None:
    assert spelling() == Tensor(ARRAY)
    np.testing.assert_array_equal(spelling().to_numpy(), ARRAY)


NUMPY = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.mark.parametrize("dtype", NUMPY)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 1, 2)])
def test_dtype_and_shape_are_kept_and_numpy_reads_the_sidecar(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    tensor = Tensor(array)
    document, store = encode(tensor)
    (data,) = store.files.values()
    for read in (np.load(io.BytesIO(data), allow_pickle=False), decoded(tensor).to_numpy(), np.asarray(tensor)):
        np.testing.assert_array_equal(read, array, strict=True)
    assert document["dtype"] == array.dtype.name


def test_a_sidecar_that_numpy_wrote_is_read() -> None:
    buffer = io.BytesIO()
    np.save(buffer, ARRAY)
    np.testing.assert_array_equal(npy_format.read(buffer.getvalue(), "float64", (2, 3), "tensor"), ARRAY)


def npy(array: Array, version: tuple[int, int] = (1, 0)) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"\x93NUMPY\x01\x00", npy(ARRAY.T), npy(ARRAY, (2, 0)), npy(ARRAY)[:-1], npy(ARRAY) + b"\0", npy(ARRAY[0])],
    ids=["empty", "cut header", "Fortran order", "version 2.0", "too short", "too long", "another shape"],
)
def test_other_npy_files_are_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"^tensor: expected an npy file of "):
        npy_format.read(data, "float64", (2, 3), "tensor")


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("dtype", npy_format.BITS)
def test_every_code_of_a_dtype_that_numpy_does_not_have_is_kept(dtype: str) -> None:
    codes = bits(dtype)
    document, store = encode(Tensor(TorchTensor(codes, dtype)))
    (data,) = store.files.values()
    np.testing.assert_array_equal(np.load(io.BytesIO(data)), codes, strict=True)
    assert document["dtype"] == dtype
    assert mt.decode(document, store).to_numpy().dtype == np.float32


@pytest.mark.parametrize("dtype", npy_format.BITS)
def test_values_of_a_dtype_that_numpy_does_not_have_are_those_of_ml_dtypes(dtype: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    codes = bits(dtype)
    array = codes.view(getattr(ml_dtypes, dtype))
    tensor, expected = Tensor(array), array.astype(np.float32)
    assert tensor.dtype == dtype
    np.testing.assert_array_equal(tensor.to_numpy(), expected, strict=True)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(tensor.to_numpy()[numbers]), np.signbit(expected[numbers]))
    assert tensor.nan_count == np.isnan(expected).sum()


@pytest.mark.usefixtures("torch")
def test_bfloat16_works_as_a_scalar_and_has_statistics() -> None:
    scalar = decoded(Tensor(TorchTensor(np.array(0xC0A0, np.uint16), "bfloat16")))
    assert (scalar.shape, scalar.mean, scalar.to_numpy().tolist()) == ((), -5.0, -5.0)
    tensor = Tensor(TorchTensor(np.array([0x3F80, 0x4040, 0x7FC0, 0xFF80], np.uint16), "bfloat16"))
    assert (tensor.min, tensor.max, tensor.mean) == (1.0, 3.0, 2.0)
    assert (tensor.nan_count, tensor.positive_infinity_count, tensor.negative_infinity_count) == (1, 0, 1)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**53 + 1])
def test_the_range_of_large_integers_is_exact(value: int) -> None:
    tensor = decoded(Tensor(np.array([value])))
    assert (tensor.min, tensor.max) == (value, value)


def test_unsigned_integers_of_64_bits_are_exact() -> None:
    tensor = decoded(Tensor(np.array([0, 2**64 - 1], np.uint64)))
    assert (tensor.min, tensor.max, tensor.mean) == (0, 2**64 - 1, 2.0**63)


@pytest.mark.parametrize("data", [[], np.zeros((2, 0)), [NAN, INF], [1 + 2j]])
def test_there_are_no_statistics_without_finite_real_values(data: Any) -> None:
    tensor = decoded(Tensor(data))
    assert [tensor.min, tensor.max, tensor.mean, tensor.variance, tensor.percentiles] == [None] * 5


def test_statistics_that_overflow_are_absent() -> None:
    tensor = decoded(Tensor([1.7e308, 1.7e308, -1.7e308]))
    assert (tensor.min, tensor.max, tensor.variance) == (-1.7e308, 1.7e308, None)
    assert Tensor([1.7e308] * 2).mean is None


def test_negative_zero_gives_the_same_statistics_as_zero() -> None:
    documents = [encode(Tensor(data))[0] for data in ([-0.0, 0.0], [0.0, -0.0], [-0.0, -0.0])]
    assert [str(document["min"]) + str(document["max"]) for document in documents] == ["0.00.0"] * 3


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["f8", "f4", "f2", "i8", "i4", "u1", "?"]), hnp.array_shapes(min_dims=1, max_dims=3, max_side=9)
    )
)
def test_statistics_equal_numpys(array: Array) -> None:
    tensor = decoded(Tensor(array))
    np.testing.assert_array_equal(tensor.to_numpy(), array, strict=True)
    finite = array[np.isfinite(array)].astype(np.float64)
    assert tensor.nan_count == np.isnan(array).sum()
    if finite.size and np.abs(finite).max() < 1e150:
        scale = np.abs(finite).max()
        assert (float(tensor.min), float(tensor.max)) == (finite.min(), finite.max())
        assert tensor.mean == pytest.approx(finite.mean(), rel=1e-12, abs=1e-12 * scale)
        assert tensor.variance == pytest.approx(finite.var(), rel=1e-9, abs=1e-12 * scale**2)
        expected = np.percentile(finite, [5, 25, 50, 75, 95])
        assert list(tensor.percentiles.values()) == pytest.approx(expected.tolist(), rel=1e-12, abs=1e-12 * scale)


def test_statistics_of_more_values_than_one_chunk_are_exact() -> None:
    values = np.random.default_rng(0).normal(3, 2, 2_500_000).astype(np.float32)
    tensor = Tensor(values)
    assert tensor.mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-13)
    assert tensor.variance == pytest.approx(values.var(dtype=np.float64), rel=1e-12)
    expected = np.percentile(values.astype(np.float64), [5, 25, 50, 75, 95])
    assert list((tensor.percentiles or {}).values()) == pytest.approx(expected.tolist(), rel=1e-14)


def test_the_callers_array_is_copied_and_ours_cannot_be_written() -> None:
    array = np.array([1.0, 2.0])
    tensor = Tensor(array)
    array[:] = 9
    assert tensor.to_numpy().tolist() == [1, 2]
    assert not tensor.to_numpy().flags.writeable
    percentiles = tensor.percentiles or {}
    percentiles.clear()
    assert tensor.percentiles


def test_numpy_reads_a_tensor_as_an_array() -> None:
    tensor = Tensor([1.5, 2.5])
    assert np.asarray(tensor, np.float32).dtype == np.float32
    np.array(tensor)[:] = 0
    assert (np.sum(tensor), tensor.to_numpy().tolist()) == (4, [1.5, 2.5])


def test_a_caption_is_kept_unless_a_new_one_is_given() -> None:
    tensor = Tensor([1], caption="a")
    assert (Tensor(tensor).caption, Tensor(tensor, caption="b").caption) == ("a", "b")


def test_equal_data_is_equal_only_with_the_same_dtype_and_shape() -> None:
    assert Tensor([1, 2]) == Tensor((1, 2))
    assert Tensor([1, 2]) != Tensor([1.0, 2.0])
    assert Tensor([1, 2]) != Tensor([[1, 2]])


def test_repr_says_what_it_holds() -> None:
    assert repr(Tensor([[1, 2]], caption="x")) == "Tensor(int64 of shape (1, 2), caption='x')"


REFUSED: dict[str, tuple[Any, str]] = {
    "text": ("abc", "expected numbers or bools, got 'abc'. Convert it to numbers first."),
    "None": (None, "expected numbers or bools, got None. Convert it to numbers first."),
    "a dict": ({"a": 1}, "expected numbers or bools, got {'a': 1}. Convert it to numbers first."),
    "texts": (
        ["a"],
        "expected numbers or bools, got ndarray of shape (1,) and dtype <U1. Convert it to numbers first.",
    ),
    "objects": (
        np.array([None, 1]),
        "expected numbers or bools, got ndarray of shape (2,) and dtype object. Convert it to numbers first.",
    ),
    "an integer of more than 64 bits": (
        2**70,
        "expected numbers or bools, got 1180591620717411303424. Convert it to numbers first.",
    ),
    "dates": (
        np.array(["2020-01-01"], "M8[D]"),
        "expected numbers or bools, got ndarray of shape (1,) and dtype datetime64[D]. "
        "Pass seconds as floats, or array.astype(np.int64).",
    ),
    "records": (
        np.zeros(2, "i4,f4"),
        "expected numbers or bools, got ndarray of shape (2,) and dtype [('f0', '<i4'), ('f1', '<f4')]. "
        "Log each field as a Tensor of its own.",
    ),
    "masked values": (
        np.ma.masked_equal([1, 2], 2),
        "expected an array without masked values, got MaskedArray of shape (2,) and dtype int64. "
        "Pass array.filled(value), with a value that may stand for them.",
    ),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_other_data_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Tensor(data)
    assert str(caught.value) == f"Tensor: {message}"


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="a long double is a double here")
def test_long_doubles_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"^Tensor: expected numbers or bools, .* Pass array\.astype\(np\.float64\)\.$"
    ):
        Tensor(np.zeros(2, np.longdouble))


def test_ragged_lists_are_refused() -> None:
    with pytest.raises(InputError, match=r"^Tensor: expected an array, got \[1, \[2, 3\]\]\. Converting it failed: "):
        Tensor([1, [2, 3]])


def test_a_caption_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Tensor([1], caption=3)  # type: ignore[arg-type]
    assert str(caught.value) == "Tensor.caption: expected text, got 3. Use str(...)."


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.zeros((0, 3), np.int16), np.float32(3), np.ones(2, ">f4")]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npy_file_is_read_and_written(array: Any, order: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array(array, order=order))
    tensor = mt.Tensor.from_path(tmp_path / "a.npy", caption="weights")
    assert tensor == mt.Tensor(array, caption="weights")
    assert np.array_equal(np.load(tensor.save(tmp_path / "b.npy")), array)


@pytest.mark.parametrize("shape", ["(10000000000000, 10000000000000)", "(1000000000000,)", "(-1,)", "(5,", "'x'"])
def test_what_an_npy_file_claims_is_not_allocated(shape: str, tmp_path: Path) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + header.encode() + b"\0" * 24)
    with pytest.raises(mt.InputError, match=r"^Tensor.from_path: expected an npy file of numbers, got .* numpy says: "):
        mt.Tensor.from_path(tmp_path / "a.npy")


def test_other_files_are_no_tensors(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=1)
    np.save(tmp_path / "b.npy", np.array([{}], object), allow_pickle=True)
    for path in (tmp_path / "a.npz", tmp_path / "b.npy", tmp_path / "none.npy", tmp_path):
        with pytest.raises(mt.InputError, match=r"^Tensor.from_path: expected an npy file of numbers"):
            mt.Tensor.from_path(path)
    with pytest.raises(mt.InputError, match=r"^Tensor.from_path: expected the path of an npy file, got 3\."):
        mt.Tensor.from_path(3)  # type: ignore[arg-type]
