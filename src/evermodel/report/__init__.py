"""Results as people read them: text for the terminal, SVG pictures, self-contained HTML pages."""

from evermodel.report.charts import bars, compare, intervals, reliability
from evermodel.report.course import course
from evermodel.report.findings import findings_page, findings_text
from evermodel.report.html import page, results_table, verdict_banner
from evermodel.report.project_page import Course, project_page
from evermodel.report.text import results_text, verdict_line

__all__ = [
    "Course",
    "bars",
    "compare",
    "course",
    "findings_page",
    "findings_text",
    "intervals",
    "page",
    "project_page",
    "reliability",
    "results_table",
    "results_text",
    "verdict_banner",
    "verdict_line",
]
