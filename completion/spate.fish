# SPDX-License-Identifier: MIT
# Made by scripts/make-completion from src/option_table.h.

complete -c spate -n 'not __fish_seen_subcommand_from attach resume status failed retry set ctl' -a attach -d 'open the screen on a run that goes on elsewhere'
complete -c spate -n 'not __fish_seen_subcommand_from attach resume status failed retry set ctl' -a resume -d 'go on with a session'
complete -c spate -n 'not __fish_seen_subcommand_from attach resume status failed retry set ctl' -a status -d 'what a session has done'
complete -c spate -n 'not __fish_seen_subcommand_from attach resume status failed retry set ctl' -a failed -d 'the failed tasks as a manifest'
complete -c spate -n 'not __fish_seen_subcommand_from attach resume status failed retry set ctl' -a retry -d 'try again what failed'
complete -c spate -n 'not __fish_seen_subcommand_from attach resume status failed retry set ctl' -a set -d 'change a limit of a run'
complete -c spate -n 'not __fish_seen_subcommand_from attach resume status failed retry set ctl' -a ctl -d 'ask a run to do something'
complete -c spate -n '__fish_seen_subcommand_from ctl' -a stop
complete -c spate -n '__fish_seen_subcommand_from ctl' -a pause
complete -c spate -n '__fish_seen_subcommand_from ctl' -a resume
complete -c spate -n '__fish_seen_subcommand_from ctl' -a pause-task
complete -c spate -n '__fish_seen_subcommand_from ctl' -a resume-task
complete -c spate -n '__fish_seen_subcommand_from ctl' -a cancel
complete -c spate -n '__fish_seen_subcommand_from ctl' -a discard
complete -c spate -n '__fish_seen_subcommand_from ctl' -a retry
complete -c spate -n '__fish_seen_subcommand_from ctl' -a restart
complete -c spate -n '__fish_seen_subcommand_from ctl' -a retry-failed
complete -c spate -n '__fish_seen_subcommand_from ctl' -a raise
complete -c spate -n '__fish_seen_subcommand_from ctl' -a lower
complete -c spate -n '__fish_seen_subcommand_from ctl' -a top
complete -c spate -n '__fish_seen_subcommand_from ctl' -a bottom
complete -c spate -n '__fish_seen_subcommand_from ctl' -a priority
complete -c spate -n '__fish_seen_subcommand_from ctl' -a task-rate
complete -c spate -n '__fish_seen_subcommand_from ctl' -a task-split
complete -c spate -n '__fish_seen_subcommand_from ctl' -a url
complete -c spate -n '__fish_seen_subcommand_from ctl' -a mirror
complete -c spate -n '__fish_seen_subcommand_from ctl' -a pause-host
complete -c spate -n '__fish_seen_subcommand_from ctl' -a resume-host
complete -c spate -n '__fish_seen_subcommand_from ctl' -a set-host
complete -c spate -n '__fish_seen_subcommand_from ctl' -a set
complete -c spate -n '__fish_seen_subcommand_from ctl' -a reload
complete -c spate -n '__fish_seen_subcommand_from ctl' -a look
complete -c spate -n '__fish_seen_subcommand_from ctl' -a keep-limits
complete -c spate -n '__fish_seen_subcommand_from ctl' -a read-ahead
complete -c spate -n '__fish_seen_subcommand_from ctl' -a add
complete -c spate -n '__fish_seen_subcommand_from ctl' -a add-list
complete -c spate -n '__fish_seen_subcommand_from ctl' -a get
complete -c spate -n '__fish_seen_subcommand_from ctl' -a limits
complete -c spate -n '__fish_seen_subcommand_from ctl' -a status
complete -c spate -n '__fish_seen_subcommand_from ctl' -a snapshot
complete -c spate -n '__fish_seen_subcommand_from set' -a concurrency
complete -c spate -n '__fish_seen_subcommand_from set' -a per-host
complete -c spate -n '__fish_seen_subcommand_from set' -a rate
complete -c spate -n '__fish_seen_subcommand_from set' -a per-host-rate
complete -c spate -n '__fish_seen_subcommand_from set' -a limit-rate
complete -c spate -n '__fish_seen_subcommand_from set' -a per-host-limit-rate
complete -c spate -n '__fish_seen_subcommand_from set' -a per-transfer-limit-rate
complete -c spate -n '__fish_seen_subcommand_from set' -a split
complete -c spate -n '__fish_seen_subcommand_from set' -a min-split-size
complete -c spate -n '__fish_seen_subcommand_from set' -a min-free-space
complete -c spate -n '__fish_seen_subcommand_from set' -a disk-jobs
complete -c spate -n '__fish_seen_subcommand_from set' -a cpu-jobs
complete -c spate -n '__fish_seen_subcommand_from set' -a exec-jobs
complete -c spate -n '__fish_seen_subcommand_from set' -a adaptive
complete -c spate -n '__fish_seen_subcommand_from set' -a tries
complete -c spate -n '__fish_seen_subcommand_from set' -a retry-wait
complete -c spate -n '__fish_seen_subcommand_from set' -a retry-max-wait
complete -c spate -n '__fish_seen_subcommand_from set' -a connect-timeout
complete -c spate -n '__fish_seen_subcommand_from set' -a stall-timeout
complete -c spate -n '__fish_seen_subcommand_from set' -a max-time
complete -c spate -s i -l input-file -r -F \
  -d 'read URLs from FILE, one a line (- = standard input)'
complete -c spate -l input-format -x -a 'auto text aria2 jsonl csv tsv metalink' \
  -d 'form of the manifest; auto: what its beginning says'
complete -c spate -l follow \
  -d 'read the manifest on as it grows, until interrupted'
complete -c spate -l strict \
  -d 'stop before the first request when a manifest line is bad'
complete -c spate -s d -l dir -x -a '(__fish_complete_directories)' \
  -d 'output directory, made if missing'
complete -c spate -s o -l out -x \
  -d 'file name for a single URL'
complete -c spate -l checksum -x \
  -d 'digest that a single URL must have: sha-256, sha-512, sha-1, md5'
complete -c spate -l checksum-file -x \
  -d 'digests that files must have, as sha256sum writes them; repeatable'
complete -c spate -l digest -x -a 'none md5 sha-1 sha-256 sha-512' \
  -d 'compute and record this digest of every file'
complete -c spate -l check -x -a 'none json gzip' \
  -d 'a body that is not well formed fails and is tried again'
complete -c spate -l decompress \
  -d 'unpack .gz, .zst, .xz and .bz2 bodies; the suffix goes'
complete -c spate -l max-ratio -x \
  -d 'a body over 16M that unpacks to more than N times fails (0 = any)'
complete -c spate -l max-unpacked -x \
  -d 'a body that unpacks to more fails (0 = any)'
complete -c spate -l exec -x \
  -d 'run CMD for each finished file; {} in it is the file'\''s path'
complete -c spate -l exec-shell \
  -d 'hand CMD to sh -c, {} being "$1"'
complete -c spate -l exec-timeout -x \
  -d 'longest time for CMD (0 = none)'
complete -c spate -l layout -x -a 'flat path hash' \
  -d 'flat: last path segment; path: host/path; hash: 2 x 256 folders'
complete -c spate -l overwrite \
  -d 'replace a file that is not of this session'
complete -c spate -l skip-existing \
  -d 'take a file that is there for the finished one'
complete -c spate -l auto-rename \
  -d 'choose another name when the file is there'
complete -c spate -l results -r -F \
  -d 'add a line of JSON to FILE for each task that ends'
complete -c spate -l write-checksums -r -F \
  -d 'add a line to FILE for each finished file, as sha256sum writes it'
complete -c spate -l expect-type -x \
  -d 'an answer of another Content-Type is a failure: image/*,text/csv'
complete -c spate -l min-size -x \
  -d 'an answer with fewer bytes is a failure (0 = none)'
complete -c spate -l max-size -x \
  -d 'an answer with more bytes is a failure, and cut (0 = none)'
complete -c spate -l output -x -a 'files jsonl tar warc' \
  -d 'files: one each; else bodies are gathered in a few large shards'
complete -c spate -l shard-size -x \
  -d 'a shard that would grow beyond it is ended and another begun'
complete -c spate -l shard-count -x \
  -d 'shards that are written at once'
complete -c spate -l shard-headers -x \
  -d 'fields of the answers to be kept in jsonl and tar shards'
complete -c spate -l compress -x -a 'zstd gzip none' \
  -d 'of shards, in frames that can be read each by itself (warc: gzip)'
complete -c spate -l durability -x -a 'batch none' \
  -d 'batch: nothing is called done before it is on the disk'
complete -c spate -l file-allocation -x -a 'none falloc' \
  -d 'falloc: reserve the space of a large file before it comes'
complete -c spate -l content-disposition \
  -d 'name files as their servers say, where the list gives no name'
complete -c spate -l no-remote-time \
  -d 'do not give files the time that the server says they changed'
complete -c spate -l no-mirrors-from-headers \
  -d 'do not ask the mirrors that a server names (Link)'
complete -c spate -s j -l concurrency -x \
  -d 'transfers at once'
complete -c spate -l per-host -x \
  -d 'transfers at once to one host (0 = no limit of its own)'
complete -c spate -l rate -x \
  -d 'requests started per unit of time, evenly (0 = unlimited)'
complete -c spate -l per-host-rate -x \
  -d 'the same for each host'
complete -c spate -l limit-rate -x \
  -d 'total bytes a second; k, M, G are powers of 1024 (0 = unlimited)'
complete -c spate -l per-host-limit-rate -x \
  -d 'the same for each host'
complete -c spate -l per-transfer-limit-rate -x \
  -d 'the same for each transfer'
complete -c spate -l host-limit -x \
  -d 'per-host, per-host-rate, per-host-limit-rate or adaptive of one host; repeatable'
complete -c spate -s s -l split -x \
  -d 'connections for one large file, while they help (1 = never split)'
complete -c spate -l min-split-size -x \
  -d 'no part of a file is made smaller'
complete -c spate -l min-free-space -x \
  -d 'wait as long as the disk has less room than that (0 = until it is full)'
complete -c spate -l disk-jobs -x \
  -d 'file jobs at once'
complete -c spate -l cpu-jobs -x \
  -d 'digests and checks at once'
complete -c spate -l exec-jobs -x \
  -d 'external commands at once'
complete -c spate -l adaptive \
  -d 'find the rate and concurrency that each host bears; the limits above are not exceeded'
complete -c spate -l deadline -x \
  -d 'when the URLs expire; auto: as pre-signed URLs say themselves'
complete -c spate -l shuffle \
  -d 'tasks in random order, below their priority'
complete -c spate -l throttle-status -x \
  -d 'status codes that mean "slow down" besides 429: 403,509'
complete -c spate -l throttle-words -x \
  -d 'words in the page of a 400, 403 or 503 that mean it, instead of the built-in ones'
complete -c spate -s t -l tries -x \
  -d 'attempts for a task, the first one counted'
complete -c spate -l retry-wait -x \
  -d 'first back-off'
complete -c spate -l retry-max-wait -x \
  -d 'longest back-off'
complete -c spate -l connect-timeout -x \
  -d 'time for a connection to stand'
complete -c spate -l stall-timeout -x \
  -d 'give up an attempt that brings less than 1 byte a second'
complete -c spate -l max-time -x \
  -d 'longest time for an attempt (0 = none)'
complete -c spate -s H -l header -x \
  -d 'add a header to each request; repeatable'
complete -c spate -s u -l user -x \
  -d 'credentials for HTTP'
complete -c spate -l netrc \
  -d 'take credentials from ~/.netrc'
complete -c spate -l oauth2-bearer -x \
  -d 'send this bearer token'
complete -c spate -l aws-sigv4 -x \
  -d 'sign requests with --user KEY:SECRET, as AWS wants: aws:amz:REGION:SERVICE'
complete -c spate -s b -l cookie -x \
  -d 'send these cookies: NAME=VALUE; NAME=VALUE, or those of FILE'
complete -c spate -s A -l user-agent -x \
  -d 'send this User-Agent'
complete -c spate -s x -l proxy -x \
  -d 'go through this proxy'
complete -c spate -l noproxy -x \
  -d 'hosts that are reached without the proxy'
complete -c spate -l cacert -r -F \
  -d 'trust the certificates of this file alone'
complete -c spate -s k -l insecure \
  -d 'do not check the server'\''s certificate'
complete -c spate -l http1.1 \
  -d 'speak HTTP/1.1'
complete -c spate -l http2 \
  -d 'speak HTTP/2 where the server does'
complete -c spate -s 4 -l ipv4 \
  -d 'connect over IPv4 alone'
complete -c spate -s 6 -l ipv6 \
  -d 'connect over IPv6 alone'
complete -c spate -l interface -x \
  -d 'connect from this interface or address'
complete -c spate -l resolve -x \
  -d 'use this address for a host; repeatable'
complete -c spate -l no-private-redirects \
  -d 'follow no redirect to a private or local address'
complete -c spate -l allow-protocols -x \
  -d 'fetch over these alone: http, https, ftp, ftps, sftp'
complete -c spate -l sftp-known-hosts -r -F \
  -d 'host keys of SFTP servers (~/.ssh/known_hosts)'
complete -c spate -l sftp-key -r -F \
  -d 'log in to SFTP servers with this private key'
complete -c spate -l tui \
  -d 'open the terminal interface, or fail'
complete -c spate -l no-tui \
  -d 'print progress lines even on a terminal'
complete -c spate -s D -l detach \
  -d 'run in the background; '\''spate attach'\'' shows it'
complete -c spate -l on-hangup -x -a 'stop continue' \
  -d 'when the terminal goes away: stop, or go on without it'
complete -c spate -l progress -x -a 'line json none' \
  -d 'no terminal interface; print progress in this form'
complete -c spate -l progress-interval -x \
  -d 'time between two progress lines (5 for lines not on a terminal)'
complete -c spate -s q -l quiet \
  -d 'print nothing but errors that end the run'
complete -c spate -l color -x -a 'auto always never' \
  -d 'colours on the screen; NO_COLOR is respected'
complete -c spate -l log -r -F \
  -d 'write the event log here instead of into the session'
complete -c spate -s v -l verbose \
  -d 'report finished files too'
complete -c spate -l json \
  -d 'answer as one JSON object'
complete -c spate -l reason -x \
  -d 'only failures of this class, or with this in their reason'
complete -c spate -l status -x \
  -d 'only failures with these status codes: 404,5xx'
complete -c spate -l expired \
  -d 'the tasks whose URLs have expired, instead of the failed ones'
complete -c spate -l config -r -F \
  -d 'read this INI file too'
complete -c spate -l no-config \
  -d 'read no INI file but the one of --config'
complete -c spate -l profile -x \
  -d 'use [profile NAME] of the INI files'
complete -c spate -l dump-config \
  -d 'print the options in force as an INI file and end'
complete -c spate -s h -l help \
  -d 'print this and end'
complete -c spate -s V -l version \
  -d 'print the versions in use and end'
