"""What is written of arguments and URLs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mediatypes.capture.secrets import SecretValues, clean_arguments, clean_url, is_secret_name

KEPT = [
    "train.py",
    "--lr=1e-3",
    "--epochs",
    "100",
    "-v",
    "-j8",
    "--model=resnet50d",
    "EfficientNetV2L",
    "optimizer.betas=[0.9,0.999]",
    "+trainer.precision=bf16",
    "--data",
    "s3://bucket/cifar-10/train",
    "--size=224x224",
    "--notes",
    "first try, with dropout",
    "--max-tokens=4096",
    "--no-cuda",
    "--",
    "-0.5",
    "2026-11-30",
]
SECRET = [
    ["--api-key", "hunter"],
    ["--api_key=hunter"],
    ["--password", "plain"],
    ["--hf-token=plain"],
    ["--dbPassword=plain"],
    ["WANDB_API_KEY=plain"],
    ["-pHunter2"],
    ["--auth", "plain"],
    ["--id", "sk-proj-9f8Q7w6E5r4T3y2U"],
    ["ghp_16C7e42F292c6912E7710c838347Ae178B4a"],
    ["AKIAIOSFODNN7EXAMPLE"],
    ["--run=550e8400-e29b-41d4-a716-446655440000"],
    ["-H", "Authorization: Bearer plain"],
    ["dGhpcyBpcyBhIHNlY3JldCBrZXk="],
    ["abcdefghijklmnopqrstuvwxyzabcdef"],
    ["--db=postgres://me:hunter2@example.org/runs"],
    ["https://hooks.example.org/services/T00000000/B00000000/XXXX9f8Q7w6E5r4T"],
    ["https://example.org/data?X-Amz-Signature=plain"],
    ["--url", "https://plaintoken@example.org"],
]


@pytest.mark.parametrize("argument", KEPT)
def test_numbers_and_words_are_written(argument: str) -> None:
    assert clean_arguments([argument]) == [argument]


@pytest.mark.parametrize("arguments", SECRET, ids=" ".join)
def test_what_may_be_secret_is_not_written(arguments: list[str]) -> None:
    written = clean_arguments(arguments)
    assert len(written) == len(arguments)
    assert written != arguments
    for part in ("hunter", "plain", "9f8Q7w", "550e8400", arguments[-1].partition("=")[2] or arguments[-1]):
        assert part not in " ".join(written)


def test_an_option_ends_what_the_one_before_hides() -> None:
    assert clean_arguments(["--token", "--lr", "1", "--token", "a", "b"]) == [
        "--token",
        "--lr",
        "1",
        "--token",
        "***",
        "b",
    ]


def test_values_that_the_config_has_are_written_unless_the_name_is_secret(tmp_path: Path) -> None:
    known = {"9f8Q7w6E5r4T"}
    assert clean_arguments(["--id=9f8Q7w6E5r4T", "--key=9f8Q7w6E5r4T"], known) == ["--id=9f8Q7w6E5r4T", "--key=***"]
    (folder := tmp_path / "ckpt-9f8Q7w6E5r4T").mkdir()
    assert clean_arguments([f"--from={folder}", f"--to={folder}2"]) == [f"--from={folder}", "--to=***"]


def test_a_url_without_credentials_stays() -> None:
    assert clean_url("https://example.org:8080/a/b.git") == "https://example.org:8080/a/b.git"
    assert clean_url("/home/me/code") == "/home/me/code"
    assert clean_url("ssh://git@example.org/a") == "ssh://example.org/a"
    assert clean_url("https://[bad/a") == "***"


def test_names() -> None:
    assert not any(map(is_secret_name, ("--tokenizer", "--keypoints", "--monkey", "compass", "author", "n_tokens")))
    assert all(map(is_secret_name, ("OPENAI_API_KEY", "secretKey", "db-pwd", "GITHUB_TOKEN", "AWS_SESSION_TOKEN")))


def test_values_of_secret_variables_are_found_in_texts(tmp_path: Path) -> None:
    secrets = SecretValues(
        {"MY_TOKEN": "correcthorse", "KEY": "short", "AUTH_DIR": str(tmp_path), "LANG": "en_US.UTF8"}
    )
    assert secrets.clean_text(f"correcthorse short {tmp_path} en_US.UTF8") == f"*** short {tmp_path} en_US.UTF8"
    assert SecretValues({}).clean(b"http://a:b@c/ x@y ://@") == (b"http://***@c/ x@y ://@", 1)


def test_a_long_line_takes_no_long_time() -> None:
    line = b"+" + b"a" * 200_000 + b" https://me:hunter2@example.org"
    began = time.process_time()
    assert SecretValues({}).clean(line) == (line.replace(b"me:hunter2", b"***"), 1)
    assert time.process_time() - began < 30
