# SPDX-License-Identifier: MIT
#
# Completion for bash. check-style compares the options with the program's.

_spate() {
  local cur prev words cword
  _init_completion -n = 2>/dev/null || {
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    words=("${COMP_WORDS[@]}")
    cword=$COMP_CWORD
  }

  local run_options='
    --input-file -i --input-format --follow --strict --dir -d --out -o --checksum
    --checksum-file --digest --check --decompress --max-ratio --max-unpacked
    --exec --exec-shell --exec-timeout --layout
    --overwrite --skip-existing --auto-rename
    --results --write-checksums --expect-type --min-size --max-size --durability
    --file-allocation --content-disposition --no-remote-time
    --no-mirrors-from-headers
    --output --shard-size --shard-count --shard-headers --compress
    --concurrency -j --per-host --rate --per-host-rate --limit-rate
    --per-host-limit-rate --per-transfer-limit-rate --host-limit
    --split -s --min-split-size
    --min-free-space --disk-jobs --cpu-jobs --exec-jobs
    --adaptive --deadline --shuffle --throttle-status --throttle-words
    --tries -t --retry-wait --retry-max-wait
    --connect-timeout --stall-timeout --max-time
    --header -H --user -u --netrc --oauth2-bearer --aws-sigv4 --cookie -b --user-agent -A
    --proxy -x --noproxy --cacert --insecure -k --http1.1 --http2
    --ipv4 -4 --ipv6 -6 --interface --resolve
    --no-private-redirects --allow-protocols --sftp-known-hosts --sftp-key
    --tui --no-tui --detach -D --on-hangup --progress --progress-interval
    --quiet -q --color
    --log --verbose -v
    --config --no-config --profile --dump-config --help -h --version -V'

  local limits='concurrency per-host rate per-host-rate limit-rate
    per-host-limit-rate per-transfer-limit-rate split min-split-size tries
    retry-wait retry-max-wait connect-timeout stall-timeout max-time
    min-free-space disk-jobs cpu-jobs exec-jobs adaptive'
  local commands='stop pause resume pause-task resume-task cancel discard
    retry restart retry-failed raise lower top bottom priority task-rate
    task-split url mirror pause-host resume-host set-host set
    reload look keep-limits read-ahead add add-list get limits status snapshot'

  case ${words[1]} in
  set | ctl)
    if [ "$cword" -gt 1 ]; then
      local more=$commands
      [ "${words[1]}" = set ] && more=$limits
      case $prev in
      get) more=$limits ;;
      set) [ "${words[1]}" = ctl ] && more=$limits ;;
      esac
      [ "${words[cword - 2]}" = set-host ] &&
        more='per-host per-host-rate per-host-limit-rate adaptive'
      [ "$prev" = adaptive ] && more='on off'
      [ "$prev" = retry ] && more=failed
      if [ "$prev" = add-list ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
      fi
      mapfile -t COMPREPLY < <(compgen -W "$more --help --version" -- "$cur")
      [ "$cword" -eq 2 ] && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY \
        < <(compgen -d -- "$cur")
      return
    fi
    ;;
  esac

  case $prev in
  --dir | -d | resume | status | failed | retry)
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    return
    ;;
  --input-file | -i | --out | -o | --cacert | --log | --results | --write-checksums | --config)
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    return
    ;;
  --file-allocation)
    mapfile -t COMPREPLY < <(compgen -W 'none falloc' -- "$cur")
    ;;
  --input-format)
    mapfile -t COMPREPLY < <(compgen -W 'auto text aria2 jsonl csv tsv metalink' -- "$cur")
    ;;
  --check) mapfile -t COMPREPLY < <(compgen -W 'none json gzip' -- "$cur") ;;
  --digest)
    mapfile -t COMPREPLY < <(compgen -W 'none md5 sha-1 sha-256 sha-512' -- "$cur")
    ;;
  --layout) mapfile -t COMPREPLY < <(compgen -W 'flat path hash' -- "$cur") ;;
  --on-hangup) mapfile -t COMPREPLY < <(compgen -W 'stop continue' -- "$cur") ;;
  --durability) mapfile -t COMPREPLY < <(compgen -W 'batch none' -- "$cur") ;;
  --output) mapfile -t COMPREPLY < <(compgen -W 'files jsonl tar warc' -- "$cur") ;;
  --compress) mapfile -t COMPREPLY < <(compgen -W 'zstd gzip none' -- "$cur") ;;
  --progress) mapfile -t COMPREPLY < <(compgen -W 'line json none' -- "$cur") ;;
  --deadline) mapfile -t COMPREPLY < <(compgen -W 'auto none' -- "$cur") ;;
  --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur") ;;
  --interface)
    mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net 2>/dev/null)" -- "$cur")
    ;;
  --concurrency | -j | --per-host | --rate | --per-host-rate | --limit-rate | \
    --per-host-limit-rate | --per-transfer-limit-rate | --host-limit | \
    --split | -s | --min-split-size | --min-free-space | \
    --disk-jobs | --cpu-jobs | --exec-jobs | --tries | -t | --retry-wait | \
    --retry-max-wait | --connect-timeout | --stall-timeout | --max-time | \
    --header | -H | --user | -u | --oauth2-bearer | --aws-sigv4 | --cookie | -b | \
    --user-agent | -A | --proxy | -x | --noproxy | --resolve | \
    --reason | --status | --expect-type | --min-size | --max-size | \
    --shard-size | --shard-count | --shard-headers | \
    --progress-interval | --profile | --throttle-status | --throttle-words)
    return
    ;;
  *)
    local choices=$run_options
    case ${words[1]} in
    status) choices='--json --help --version' ;;
    failed) choices='--reason --status --expired --help --version' ;;
    retry) choices="--reason --status $run_options" ;;
    esac
    [ "$cword" -eq 1 ] && choices="attach resume status failed retry set ctl $choices"
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
    ;;
  esac
}

complete -F _spate spate
