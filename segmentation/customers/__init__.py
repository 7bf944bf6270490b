"""A customer table comes in: found, read, understood, cleaned; one module per step."""

from segmentation.customers.cleaning import (
    BANK_COLUMNS,
    BANK_LABELS,
    NOT_GIVEN,
    OTHER,
    Customers,
    clean,
    labelled,
    load_customers,
)
from segmentation.customers.description import describe_roles
from segmentation.customers.roles import infer_roles
from segmentation.customers.settings import TableError, read_settings
from segmentation.customers.source import (
    BANK_MARKETING,
    DATA,
    SAMPLE,
    DownloadError,
    describe_source,
    download_bank_marketing,
    find_table,
    is_bank_marketing,
    is_sample,
)
from segmentation.customers.table import load_table

__all__ = [
    "BANK_COLUMNS",
    "BANK_LABELS",
    "BANK_MARKETING",
    "DATA",
    "NOT_GIVEN",
    "OTHER",
    "SAMPLE",
    "Customers",
    "DownloadError",
    "TableError",
    "clean",
    "describe_roles",
    "describe_source",
    "download_bank_marketing",
    "find_table",
    "infer_roles",
    "is_bank_marketing",
    "is_sample",
    "labelled",
    "load_customers",
    "load_table",
    "read_settings",
]
