"""The tests of the package: README.md says what each folder holds."""
