"""The run log: one JSON object a line, a cut last line costs only itself."""

from qpt_train.run_log import RunLog, read_run_log


def test_records_come_back(tmp_path):
    log = RunLog(tmp_path / "run" / "log.jsonl")
    log.write("step", step=1, loss=0.5)
    log.write("step", step=2, loss=float("nan"))
    log.close()
    records = list(read_run_log(tmp_path / "run" / "log.jsonl"))
    assert records == [
        {"event": "step", "step": 1, "loss": 0.5},
        {"event": "step", "step": 2, "loss": None},
    ]


def test_a_cut_line_is_left_out_and_the_next_run_starts_afresh(tmp_path):
    path = tmp_path / "log.jsonl"
    log = RunLog(path)
    log.write("step", step=1)
    log.close()
    with path.open("a") as stream:
        stream.write('{"event": "st')
    log = RunLog(path)
    log.write("step", step=2)
    log.close()
    assert [record["step"] for record in read_run_log(path)] == [1, 2]
