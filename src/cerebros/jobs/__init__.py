"""Whole jobs as files: data, stems, space, training, search, output."""

from cerebros.jobs._file import Job as Job
from cerebros.jobs._file import parse_job as parse_job
from cerebros.jobs._file import read_job_file as read_job_file
from cerebros.jobs._keys import job_schema as job_schema
from cerebros.jobs._keys import job_template as job_template
from cerebros.jobs._model_file import save_model as save_model
from cerebros.jobs._run import JobResult as JobResult
from cerebros.jobs._run import run_job as run_job
from cerebros.jobs._table_file import TableFile as TableFile
from cerebros.jobs._table_file import read_table as read_table
