"""`python -m sandbox --port N`: run the sandbox until it is interrupted."""

import argparse


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (other: containers only)")
    arguments = parser.parse_args()

    from sandbox.app import create_server  # takes a second: not before the arguments are sound

    print(f"sandbox: http://{arguments.host}:{arguments.port} (synthetic data only)", flush=True)
    create_server(arguments.host, arguments.port).run()


main()
