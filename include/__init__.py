"""The product: a plain Python package. Only `include.airflow` may import Airflow."""
