cd infra
if ! terraform apply -input=false -no-color -lock-timeout=600s /workspace/plan; then
  # Even half an apply changes the state, so the saved plan is stale, and nobody has seen a
  # new one.
  echo "The error is above. Fix it, and retry this build, which plans what is left." \
    "A grant or a metric that was just made is known everywhere within minutes."
  exit 1
fi
