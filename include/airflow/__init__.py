"""The only corner that may import Airflow: platform look-up, DAG defaults, callbacks."""
