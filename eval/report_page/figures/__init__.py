"""The figures of a report, drawn with matplotlib: a function a figure, which says why where it draws none."""
