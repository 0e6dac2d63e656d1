/* SPDX-License-Identifier: MIT
 *
 * Every option of the program, once. The command line, the INI files, --help,
 * --dump-config, what a session keeps for `spate resume`, the man page and the
 * completion all come from here or are compared with it by check-style.
 *
 * A row: symbol, long name (also the INI key), letter or 0, group of --help,
 * name of the argument ("" none), kind with its limits and default, flags,
 * help text. Included by options.h and options.c alone.
 */
#ifndef SPATE_OPTION_TABLE_H
#define SPATE_OPTION_TABLE_H

/* clang-format off */
#define OPTION_TABLE(X)                                                        \
  X(OPT_INPUT_FILE, "input-file", 'i', GROUP_WHAT, "FILE", LIST(RULE_FILE_IN), \
    IN_RUN | CLI_ONLY, "read URLs from FILE, one a line (- = standard input)") \
  X(OPT_INPUT_FORMAT, "input-format", 0, GROUP_WHAT, "FORMAT",                 \
    CHOICE("auto|text|aria2|jsonl|csv|tsv|metalink", "auto"), IN_RUN | NOT_KEPT,        \
    "form of the manifest; auto: what its beginning says")                     \
  X(OPT_FOLLOW, "follow", 0, GROUP_WHAT, "", FLAG(0), IN_RUN | TAKES_WORD,     \
    "read the manifest on as it grows, until interrupted")                     \
  X(OPT_STRICT, "strict", 0, GROUP_WHAT, "", FLAG(0), IN_RUN,                  \
    "stop before the first request when a manifest line is bad")               \
  X(OPT_DIR, "dir", 'd', GROUP_WHAT, "DIR", TEXT(RULE_TEXT, "."),              \
    IN_RUN | NOT_KEPT, "output directory, made if missing")                    \
  X(OPT_OUT, "out", 'o', GROUP_WHAT, "NAME", TEXT(RULE_TEXT, ""),              \
    IN_RUN | CLI_ONLY, "file name for a single URL")                           \
  X(OPT_CHECKSUM, "checksum", 0, GROUP_WHAT, "TYPE=HEX",                       \
    TEXT(RULE_CHECKSUM, ""), IN_RUN | CLI_ONLY,                                \
    "digest that a single URL must have: sha-256, sha-512, sha-1, md5")        \
  X(OPT_CHECKSUM_FILE, "checksum-file", 0, GROUP_WHAT, "FILE|URL",             \
    LIST(RULE_FILE_OR_URL), IN_RUN,                                            \
    "digests that files must have, as sha256sum writes them; repeatable")      \
  X(OPT_DIGEST, "digest", 0, GROUP_WHAT, "TYPE",                               \
    CHOICE("none|md5|sha-1|sha-256|sha-512", "none"), IN_RUN,                  \
    "compute and record this digest of every file")                            \
  X(OPT_CHECK, "check", 0, GROUP_WHAT, "FORM",                                 \
    CHOICE("none|json|gzip", "none"), IN_RUN,                                  \
    "a body that is not well formed fails and is tried again")                 \
  X(OPT_DECOMPRESS, "decompress", 0, GROUP_WHAT, "", FLAG(0), IN_RUN,          \
    "unpack .gz, .zst, .xz and .bz2 bodies; the suffix goes")                  \
  X(OPT_MAX_RATIO, "max-ratio", 0, GROUP_WHAT, "N", NUMBER(0, 1e9, "250"),     \
    IN_RUN, "a body over 16M that unpacks to more than N times fails (0 = any)") \
  X(OPT_MAX_UNPACKED, "max-unpacked", 0, GROUP_WHAT, "BYTES",                  \
    TEXT(RULE_BYTES, "16G"), IN_RUN,                                           \
    "a body that unpacks to more fails (0 = any)")                             \
  X(OPT_EXEC, "exec", 0, GROUP_WHAT, "CMD", TEXT(RULE_COMMAND, ""), IN_RUN,    \
    "run CMD for each finished file; {} in it is the file's path")             \
  X(OPT_EXEC_SHELL, "exec-shell", 0, GROUP_WHAT, "", FLAG(0), IN_RUN,          \
    "hand CMD to sh -c, {} being \"$1\"")                                      \
  X(OPT_EXEC_TIMEOUT, "exec-timeout", 0, GROUP_WHAT, "SECONDS",                \
    NUMBER(0, 86400, "0"), IN_RUN, "longest time for CMD (0 = none)")          \
  X(OPT_LAYOUT, "layout", 0, GROUP_WHAT, "LAYOUT",                             \
    CHOICE("flat|path|hash", "flat"), IN_RUN,                                  \
    "flat: last path segment; path: host/path; hash: 2 x 256 folders")         \
  X(OPT_OVERWRITE, "overwrite", 0, GROUP_WHAT, "", FLAG(EXCL_EXISTS), IN_RUN,  \
    "replace a file that is not of this session")                              \
  X(OPT_SKIP_EXISTING, "skip-existing", 0, GROUP_WHAT, "", FLAG(EXCL_EXISTS),  \
    IN_RUN, "take a file that is there for the finished one")                  \
  X(OPT_AUTO_RENAME, "auto-rename", 0, GROUP_WHAT, "", FLAG(EXCL_EXISTS),      \
    IN_RUN, "choose another name when the file is there")                      \
  X(OPT_RESULTS, "results", 0, GROUP_WHAT, "FILE", TEXT(RULE_TEXT, ""),        \
    IN_RUN, "add a line of JSON to FILE for each task that ends")              \
  X(OPT_WRITE_CHECKSUMS, "write-checksums", 0, GROUP_WHAT, "FILE",             \
    TEXT(RULE_TEXT, ""), IN_RUN,                                               \
    "add a line to FILE for each finished file, as sha256sum writes it")       \
  X(OPT_EXPECT_TYPE, "expect-type", 0, GROUP_WHAT, "LIST",                     \
    TEXT(RULE_TYPE_LIST, ""), IN_RUN,                                          \
    "an answer of another Content-Type is a failure: image/*,text/csv")        \
  X(OPT_MIN_SIZE, "min-size", 0, GROUP_WHAT, "BYTES", TEXT(RULE_BYTES, "0"),   \
    IN_RUN, "an answer with fewer bytes is a failure (0 = none)")              \
  X(OPT_MAX_SIZE, "max-size", 0, GROUP_WHAT, "BYTES", TEXT(RULE_BYTES, "0"),   \
    IN_RUN, "an answer with more bytes is a failure, and cut (0 = none)")      \
  X(OPT_OUTPUT, "output", 0, GROUP_WHAT, "FORM",                               \
    CHOICE("files|jsonl|tar|warc", "files"), IN_RUN,                           \
    "files: one each; else bodies are gathered in a few large shards")         \
  X(OPT_SHARD_SIZE, "shard-size", 0, GROUP_WHAT, "BYTES",                      \
    TEXT(RULE_SIZE, "256M"), IN_RUN, "a shard that would grow beyond it is "  \
    "ended and another begun")                                                 \
  X(OPT_SHARD_COUNT, "shard-count", 0, GROUP_WHAT, "N", NUMBER(1, 64, "1"),    \
    IN_RUN, "shards that are written at once")                                 \
  X(OPT_SHARD_HEADERS, "shard-headers", 0, GROUP_WHAT, "LIST",                 \
    TEXT(RULE_WORD_LIST, "content-type"), IN_RUN,                              \
    "fields of the answers to be kept in jsonl and tar shards")                \
  X(OPT_COMPRESS, "compress", 0, GROUP_WHAT, "HOW",                            \
    CHOICE("zstd|gzip|none", "zstd"), IN_RUN,                                  \
    "of shards, in frames that can be read each by itself (warc: gzip)")       \
  X(OPT_DURABILITY, "durability", 0, GROUP_WHAT, "HOW",                        \
    CHOICE("batch|none", "batch"), IN_RUN,                                     \
    "batch: nothing is called done before it is on the disk")                  \
  X(OPT_FILE_ALLOCATION, "file-allocation", 0, GROUP_WHAT, "HOW",              \
    CHOICE("none|falloc", "none"), IN_RUN,                                     \
    "falloc: reserve the space of a large file before it comes")               \
  X(OPT_CONTENT_DISPOSITION, "content-disposition", 0, GROUP_WHAT, "",         \
    FLAG(0), IN_RUN,                                                           \
    "name files as their servers say, where the list gives no name")           \
  X(OPT_NO_REMOTE_TIME, "no-remote-time", 0, GROUP_WHAT, "", FLAG(0), IN_RUN,  \
    "do not give files the time that the server says they changed")            \
  X(OPT_NO_MIRRORS_FROM_HEADERS, "no-mirrors-from-headers", 0, GROUP_WHAT, "", \
    FLAG(0), IN_RUN, "do not ask the mirrors that a server names (Link)")      \
                                                                               \
  X(OPT_CONCURRENCY, "concurrency", 'j', GROUP_LIMITS, "N",                    \
    LIMIT(LIMIT_CONCURRENCY), IN_RUN, "transfers at once")                     \
  X(OPT_PER_HOST, "per-host", 0, GROUP_LIMITS, "N", LIMIT(LIMIT_PER_HOST),     \
    IN_RUN, "transfers at once to one host (0 = no limit of its own)")         \
  X(OPT_RATE, "rate", 0, GROUP_LIMITS, "N[/s|/m|/h]", LIMIT(LIMIT_RATE),       \
    IN_RUN, "requests started per unit of time, evenly (0 = unlimited)")       \
  X(OPT_PER_HOST_RATE, "per-host-rate", 0, GROUP_LIMITS, "N[/s|/m|/h]",        \
    LIMIT(LIMIT_PER_HOST_RATE), IN_RUN, "the same for each host")              \
  X(OPT_LIMIT_RATE, "limit-rate", 0, GROUP_LIMITS, "BYTES",                    \
    LIMIT(LIMIT_BANDWIDTH), IN_RUN,                                            \
    "total bytes a second; k, M, G are powers of 1024 (0 = unlimited)")        \
  X(OPT_HOST_LIMIT_RATE, "per-host-limit-rate", 0, GROUP_LIMITS, "BYTES",      \
    LIMIT(LIMIT_HOST_BANDWIDTH), IN_RUN, "the same for each host")             \
  X(OPT_TRANSFER_LIMIT_RATE, "per-transfer-limit-rate", 0, GROUP_LIMITS,       \
    "BYTES", LIMIT(LIMIT_TRANSFER_BANDWIDTH), IN_RUN,                          \
    "the same for each transfer")                                              \
  X(OPT_HOST_LIMIT, "host-limit", 0, GROUP_LIMITS, "HOST,NAME=VALUE",          \
    LIST(RULE_HOST_LIMIT), IN_RUN,                                             \
    "per-host, per-host-rate, per-host-limit-rate or adaptive of one host; "   \
    "repeatable")  \
  X(OPT_SPLIT, "split", 's', GROUP_LIMITS, "N", LIMIT(LIMIT_SPLIT), IN_RUN,    \
    "connections for one large file, while they help (1 = never split)")       \
  X(OPT_MIN_SPLIT_SIZE, "min-split-size", 0, GROUP_LIMITS, "BYTES",            \
    LIMIT(LIMIT_MIN_SPLIT), IN_RUN, "no part of a file is made smaller")       \
  X(OPT_MIN_FREE_SPACE, "min-free-space", 0, GROUP_LIMITS, "BYTES",            \
    LIMIT(LIMIT_MIN_FREE), IN_RUN,                                             \
    "wait as long as the disk has less room than that (0 = until it is full)") \
  X(OPT_DISK_JOBS, "disk-jobs", 0, GROUP_LIMITS, "N", LIMIT(LIMIT_DISK_JOBS),  \
    IN_RUN, "file jobs at once")                                               \
  X(OPT_CPU_JOBS, "cpu-jobs", 0, GROUP_LIMITS, "N", LIMIT(LIMIT_CPU_JOBS),     \
    IN_RUN, "digests and checks at once")                                      \
  X(OPT_EXEC_JOBS, "exec-jobs", 0, GROUP_LIMITS, "N", LIMIT(LIMIT_EXEC_JOBS),  \
    IN_RUN, "external commands at once")                                       \
  X(OPT_ADAPTIVE, "adaptive", 0, GROUP_LIMITS, "", LIMIT(LIMIT_ADAPTIVE),      \
    IN_RUN | TAKES_WORD,                                                       \
    "find the rate and concurrency that each host bears; the limits above "    \
    "are not exceeded")                                                        \
  X(OPT_DEADLINE, "deadline", 0, GROUP_LIMITS, "auto|none|TIME",               \
    TEXT(RULE_DEADLINE, "auto"), IN_RUN,                                       \
    "when the URLs expire; auto: as pre-signed URLs say themselves")           \
  X(OPT_SHUFFLE, "shuffle", 0, GROUP_LIMITS, "", FLAG(0), IN_RUN,              \
    "tasks in random order, below their priority")                             \
  X(OPT_THROTTLE_STATUS, "throttle-status", 0, GROUP_LIMITS, "LIST",           \
    TEXT(RULE_STATUS_LIST, ""), IN_RUN,                                        \
    "status codes that mean \"slow down\" besides 429: 403,509")               \
  X(OPT_THROTTLE_WORDS, "throttle-words", 0, GROUP_LIMITS, "LIST",             \
    TEXT(RULE_WORD_LIST, ""), IN_RUN,                                          \
    "words in the page of a 400, 403 or 503 that mean it, instead of the "     \
    "built-in ones")                                                           \
                                                                               \
  X(OPT_TRIES, "tries", 't', GROUP_RETRY, "N", LIMIT(LIMIT_TRIES), IN_RUN,     \
    "attempts for a task, the first one counted")                              \
  X(OPT_RETRY_WAIT, "retry-wait", 0, GROUP_RETRY, "SECONDS",                   \
    LIMIT(LIMIT_RETRY_WAIT), IN_RUN, "first back-off")                         \
  X(OPT_RETRY_MAX_WAIT, "retry-max-wait", 0, GROUP_RETRY, "SECONDS",           \
    LIMIT(LIMIT_RETRY_MAX_WAIT), IN_RUN, "longest back-off")                   \
  X(OPT_CONNECT_TIMEOUT, "connect-timeout", 0, GROUP_RETRY, "SECONDS",         \
    LIMIT(LIMIT_CONNECT_TIMEOUT), IN_RUN, "time for a connection to stand")    \
  X(OPT_STALL_TIMEOUT, "stall-timeout", 0, GROUP_RETRY, "SECONDS",             \
    LIMIT(LIMIT_STALL_TIMEOUT), IN_RUN,                                        \
    "give up an attempt that brings less than 1 byte a second")                \
  X(OPT_MAX_TIME, "max-time", 0, GROUP_RETRY, "SECONDS",                       \
    LIMIT(LIMIT_MAX_TIME), IN_RUN, "longest time for an attempt (0 = none)")   \
                                                                               \
  X(OPT_HEADER, "header", 'H', GROUP_HTTP, "LINE", LIST(RULE_HEADER),          \
    IN_RUN | SECRET, "add a header to each request; repeatable")               \
  X(OPT_USER, "user", 'u', GROUP_HTTP, "USER:PASSWORD", TEXT(RULE_TEXT, ""),   \
    IN_RUN | SECRET, "credentials for HTTP")                                   \
  X(OPT_NETRC, "netrc", 0, GROUP_HTTP, "", FLAG(0), IN_RUN,                    \
    "take credentials from ~/.netrc")                                          \
  X(OPT_OAUTH2_BEARER, "oauth2-bearer", 0, GROUP_HTTP, "TOKEN",                \
    TEXT(RULE_TEXT, ""), IN_RUN | SECRET, "send this bearer token")            \
  X(OPT_AWS_SIGV4, "aws-sigv4", 0, GROUP_HTTP, "PROVIDER",                     \
    TEXT(RULE_SIGV4, ""), IN_RUN,                                              \
    "sign requests with --user KEY:SECRET, as AWS wants: aws:amz:REGION:SERVICE") \
  X(OPT_COOKIE, "cookie", 'b', GROUP_HTTP, "DATA|FILE",                        \
    TEXT(RULE_COOKIE, ""), IN_RUN | SECRET,                                    \
    "send these cookies: NAME=VALUE; NAME=VALUE, or those of FILE")             \
  X(OPT_USER_AGENT, "user-agent", 'A', GROUP_HTTP, "NAME",                     \
    TEXT(RULE_TEXT, ""), IN_RUN, "send this User-Agent")                       \
  X(OPT_PROXY, "proxy", 'x', GROUP_HTTP, "URL", TEXT(RULE_PROXY, ""),          \
    IN_RUN | SECRET, "go through this proxy")                                  \
  X(OPT_NOPROXY, "noproxy", 0, GROUP_HTTP, "LIST", TEXT(RULE_TEXT, ""),        \
    IN_RUN, "hosts that are reached without the proxy")                        \
  X(OPT_CACERT, "cacert", 0, GROUP_HTTP, "FILE", TEXT(RULE_FILE_IN, ""),       \
    IN_RUN, "trust the certificates of this file alone")                       \
  X(OPT_INSECURE, "insecure", 'k', GROUP_HTTP, "", FLAG(0), IN_RUN,            \
    "do not check the server's certificate")                                   \
  X(OPT_HTTP1_1, "http1.1", 0, GROUP_HTTP, "", FLAG(EXCL_HTTP), IN_RUN,        \
    "speak HTTP/1.1")                                                          \
  X(OPT_HTTP2, "http2", 0, GROUP_HTTP, "", FLAG(EXCL_HTTP), IN_RUN,            \
    "speak HTTP/2 where the server does")                                      \
  X(OPT_IPV4, "ipv4", '4', GROUP_HTTP, "", FLAG(EXCL_IP), IN_RUN,              \
    "connect over IPv4 alone")                                                 \
  X(OPT_IPV6, "ipv6", '6', GROUP_HTTP, "", FLAG(EXCL_IP), IN_RUN,              \
    "connect over IPv6 alone")                                                 \
  X(OPT_INTERFACE, "interface", 0, GROUP_HTTP, "NAME", TEXT(RULE_TEXT, ""),    \
    IN_RUN, "connect from this interface or address")                          \
  X(OPT_RESOLVE, "resolve", 0, GROUP_HTTP, "HOST:PORT:ADDRESS",                \
    LIST(RULE_RESOLVE), IN_RUN, "use this address for a host; repeatable")     \
  X(OPT_NO_PRIVATE_REDIRECTS, "no-private-redirects", 0, GROUP_HTTP, "",       \
    FLAG(0), IN_RUN, "follow no redirect to a private or local address")       \
  X(OPT_ALLOW_PROTOCOLS, "allow-protocols", 0, GROUP_HTTP, "LIST",             \
    TEXT(RULE_PROTOCOLS, "http,https"), IN_RUN,                                \
    "fetch over these alone: http, https, ftp, ftps, sftp")                    \
  X(OPT_SFTP_KNOWN_HOSTS, "sftp-known-hosts", 0, GROUP_HTTP, "FILE",           \
    TEXT(RULE_FILE_IN, ""), IN_RUN,                                            \
    "host keys of SFTP servers (~/.ssh/known_hosts)")                          \
  X(OPT_SFTP_KEY, "sftp-key", 0, GROUP_HTTP, "FILE", TEXT(RULE_FILE_IN, ""),   \
    IN_RUN, "log in to SFTP servers with this private key")                    \
                                                                               \
  X(OPT_TUI, "tui", 0, GROUP_SHOW, "", FLAG(EXCL_FRONT), IN_RUN | NOT_KEPT,    \
    "open the terminal interface, or fail")                                    \
  X(OPT_NO_TUI, "no-tui", 0, GROUP_SHOW, "", FLAG(EXCL_FRONT),                 \
    IN_RUN | NOT_KEPT, "print progress lines even on a terminal")              \
  X(OPT_DETACH, "detach", 'D', GROUP_SHOW, "", FLAG(0), IN_RUN | CLI_ONLY,     \
    "run in the background; 'spate attach' shows it")                          \
  X(OPT_ON_HANGUP, "on-hangup", 0, GROUP_SHOW, "HOW",                          \
    CHOICE("stop|continue", "stop"), IN_RUN | NOT_KEPT,                        \
    "when the terminal goes away: stop, or go on without it")                  \
  X(OPT_PROGRESS, "progress", 0, GROUP_SHOW, "FORM",                           \
    CHOICE("line|json|none", "line"), IN_RUN | NOT_KEPT,                       \
    "no terminal interface; print progress in this form")                      \
  X(OPT_PROGRESS_INTERVAL, "progress-interval", 0, GROUP_SHOW, "SECONDS",      \
    NUMBER(0.1, 86400, "1"), IN_RUN | NOT_KEPT,                                \
    "time between two progress lines (5 for lines not on a terminal)")         \
  X(OPT_QUIET, "quiet", 'q', GROUP_SHOW, "", FLAG(0), IN_RUN | NOT_KEPT,       \
    "print nothing but errors that end the run")                               \
  X(OPT_COLOR, "color", 0, GROUP_SHOW, "WHEN",                                 \
    CHOICE("auto|always|never", "auto"), IN_RUN | IN_ATTACH | NOT_KEPT,        \
    "colours on the screen; NO_COLOR is respected")                            \
  X(OPT_LOG, "log", 0, GROUP_SHOW, "FILE", TEXT(RULE_TEXT, ""), IN_RUN,        \
    "write the event log here instead of into the session")                    \
  X(OPT_VERBOSE, "verbose", 'v', GROUP_SHOW, "", FLAG(0), IN_RUN | NOT_KEPT,   \
    "report finished files too")                                               \
  X(OPT_JSON, "json", 0, GROUP_SHOW, "", FLAG(0), IN_STATUS | CLI_ONLY,        \
    "answer as one JSON object")                                               \
  X(OPT_REASON, "reason", 0, GROUP_SHOW, "REASON", TEXT(RULE_TEXT, ""),        \
    IN_FAILED | IN_RETRY | CLI_ONLY,                                           \
    "only failures of this class, or with this in their reason")               \
  X(OPT_STATUS, "status", 0, GROUP_SHOW, "LIST", TEXT(RULE_STATUSES, ""),      \
    IN_FAILED | IN_RETRY | CLI_ONLY,                                           \
    "only failures with these status codes: 404,5xx")                          \
  X(OPT_EXPIRED, "expired", 0, GROUP_SHOW, "", FLAG(0), IN_FAILED | CLI_ONLY,  \
    "the tasks whose URLs have expired, instead of the failed ones")           \
                                                                               \
  X(OPT_CONFIG, "config", 0, GROUP_CONFIG, "FILE", TEXT(RULE_FILE_IN, ""),     \
    IN_RUN | IN_ATTACH | CLI_ONLY, "read this INI file too")                   \
  X(OPT_NO_CONFIG, "no-config", 0, GROUP_CONFIG, "", FLAG(0),                  \
    IN_RUN | IN_ATTACH | CLI_ONLY, "read no INI file but the one of --config") \
  X(OPT_PROFILE, "profile", 0, GROUP_CONFIG, "NAME", TEXT(RULE_TEXT, ""),      \
    IN_RUN | IN_ATTACH | CLI_ONLY, "use [profile NAME] of the INI files")      \
  X(OPT_DUMP_CONFIG, "dump-config", 0, GROUP_CONFIG, "", FLAG(0),              \
    IN_RUN | CLI_ONLY, "print the options in force as an INI file and end")    \
  X(OPT_HELP, "help", 'h', GROUP_CONFIG, "", FLAG(0), IN_ALL | CLI_ONLY,       \
    "print this and end")                                                      \
  X(OPT_VERSION, "version", 'V', GROUP_CONFIG, "", FLAG(0),                    \
    IN_ALL | CLI_ONLY, "print the versions in use and end")
/* clang-format on */

#endif
