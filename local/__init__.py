"""All of Reelay on one machine: emulators, simulators, the demo, benchmarks."""
