"""Event files, written without TensorBoard, TensorFlow or protobuf: the other direction of the importer.

`encode` writes messages, `records` frames many of them at once, `summaries` and `sessions` are the values as
TensorBoard's plugins read them. `documents` makes these from logged media, `events` and `restored` from the
`events.parquet` of an imported run.
"""
