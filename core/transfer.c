/* SPDX-License-Identifier: MIT
 *
 * One HTTP exchange on a libcurl easy handle: see transfer.h.
 */
#include "config.h"

#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "address.h"
#include "answer.h"
#include "cookies.h"
#include "file_transfer.h"
#include "idn.h"
#include "mirrors.h"
#include "request.h"
#include "sigv4.h"

#define FREE_MAX 512
#define HTTP2_GOOD 0x080e00 /* libcurl that survives GOAWAY and resets */
#define CONNECTION_LIFETIME_S 3600L
#define BUFFER_FEW (512L << 10) /* only what is used of it is memory */
#define BUFFER_MANY (16L << 10)
#define HEAD_MAX (512u << 10) /* more than libcurl takes itself */

/* ---- callbacks of libcurl ----------------------------------------------- */

static bool is_http(const struct transfer *transfer) {
  return transfer->host->protocol->http;
}

static void head_complete(struct transfer *transfer) {
  if (transfer->answer.status < 200)
    return; /* an interim answer: another head follows */
  transfer->head_ns = uv_hrtime();
  transfer->ops->head(transfer->owner, transfer);
}

static void keep_head(struct transfer *transfer, const char *line,
                      size_t length, bool status_line) {
  if (status_line)
    bytes_clear(&transfer->head);
  if (line[0] != '\r' && line[0] != '\n')
    bytes_add(&transfer->head, line, length);
}

static void keep_link(struct transfer *transfer, const char *line,
                      size_t length, bool status_line) {
  static const char name[] = "link:";
  const size_t n = sizeof(name) - 1;
  if (status_line)
    bytes_clear(&transfer->links);
  while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
    length--;
  if (length <= n || strncasecmp(line, name, n) != 0)
    return;
  if (transfer->links.len > 0)
    bytes_add(&transfer->links, ",", 1);
  bytes_add(&transfer->links, line + n, length - n);
}

static void take_header_line(struct transfer *transfer, const char *data,
                             size_t length) {
  bool status_line = length >= 5 && strncmp(data, "HTTP/", 5) == 0;
  if (transfer->head_ns != 0 && !status_line)
    return; /* a trailer may not change what the head said */
  transfer->head_ns = 0;
  if (transfer->pool->keep_heads)
    keep_head(transfer, data, length, status_line);
  if (transfer->pool->config->mirrors_from_headers)
    keep_link(transfer, data, length, status_line);
  if (answer_line(&transfer->answer, data, length) == ANSWER_END)
    head_complete(transfer);
}

/* A line at a time, as a rule; what comes while a transfer is paused libcurl
 * gathers and hands over in one piece. */
static size_t on_header(char *data, size_t size, size_t count, void *arg) {
  size_t length = size * count;
  if (!is_http(arg)) {
    file_transfer_reply(arg, data, length);
    return length;
  }
  for (size_t at = 0; at < length;) {
    const char *end = memchr(data + at, '\n', length - at);
    size_t line = end != NULL ? (size_t)(end - data) + 1 - at : length - at;
    take_header_line(arg, data + at, line);
    at += line;
  }
  return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg) {
  struct transfer *transfer = arg;
  size_t length = size * count, taken;
  if (transfer->head_ns == 0 && !is_http(transfer))
    file_transfer_head(transfer, true);
  taken = transfer->ops->body(transfer->owner, transfer, data, length);
  if (taken == TRANSFER_BODY_PAUSE) {
    transfer->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (taken == TRANSFER_BODY_ABORT) {
    transfer->aborted = true;
    return 0;
  }
  transfer->received += (int64_t)length;
  return length;
}

static void on_done(void *arg, CURL *easy, CURLcode code) {
  char *private = NULL;
  struct transfer *transfer;
  (void)arg;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  transfer = (struct transfer *)(void *)private;
  transfer->running = false;
  if (!is_http(transfer))
    code = file_transfer_over(transfer, code);
  transfer->ops->done(transfer->owner, transfer, code);
}

/* Every address that libcurl is about to try comes by here: whatever resolved
 * it, and whatever it was when it was looked at before. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
                                    struct curl_sockaddr *address) {
  struct transfer *transfer = arg;
  (void)purpose;
  if (transfer->public_only && address_is_private(&address->addr)) {
    transfer->refused = true;
    return CURL_SOCKET_BAD;
  }
#ifdef SOCK_CLOEXEC
  return socket(address->family, address->socktype | SOCK_CLOEXEC,
                address->protocol);
#else
  int fd = socket(address->family, address->socktype, address->protocol);
  if (fd >= 0)
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

/* ---- options ------------------------------------------------------------ */

static long http_version(const struct transfers *transfers) {
  return transfers->http_version == 20 ? (long)CURL_HTTP_VERSION_2TLS
                                       : (long)CURL_HTTP_VERSION_1_1;
}

/* The names that libcurl knows. HTTP_PROXY in capitals is left out, since a CGI
 * program gets it from its caller. */
bool transfer_proxied(const struct engine_config *config) {
  static const char *const names[] = {
      "http_proxy", "https_proxy", "HTTPS_PROXY", "ftp_proxy",
      "FTP_PROXY",  "ftps_proxy",  "FTPS_PROXY",  "sftp_proxy",
      "SFTP_PROXY", "all_proxy",   "ALL_PROXY"};
  if (config->proxy != NULL)
    return config->proxy[0] != '\0';
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    const char *value = getenv(names[i]);
    if (value != NULL && value[0] != '\0')
      return true;
  }
  return false;
}

void transfer_set_text(struct transfer *transfer, CURLoption option,
                       const char *text) {
  if (curl_easy_setopt(transfer->easy, option, text) == CURLE_OUT_OF_MEMORY)
    transfer->lacking = true;
}

static void set_network(struct transfer *transfer) {
  const struct transfers *transfers = transfer->pool;
  const struct engine_config *config = transfers->config;
  CURL *easy = transfer->easy;
  long ip = CURL_IPRESOLVE_WHATEVER;
  if (config->ip_version == 4)
    ip = CURL_IPRESOLVE_V4;
  else if (config->ip_version == 6)
    ip = CURL_IPRESOLVE_V6;
  curl_easy_setopt(easy, CURLOPT_IPRESOLVE, ip);
  /* "": libcurl need not look into the environment for each request. */
  transfer_set_text(transfer, CURLOPT_PROXY,
                    transfers->proxied ? config->proxy : "");
  transfer_set_text(transfer, CURLOPT_NOPROXY, config->noproxy);
  transfer_set_text(transfer, CURLOPT_INTERFACE, config->interface);
  if (config->cacert != NULL)
    transfer_set_text(transfer, CURLOPT_CAINFO, config->cacert);
  /* Debian sets both file and directory: the directory is parsed again for
   * each connection, on the loop. */
  curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
}

/* What stays the same for every request on this handle. */
static void set_lasting(struct transfer *transfer) {
  struct transfers *transfers = transfer->pool;
  CURL *easy = transfer->easy;
  char names[PROTOCOL_TEXT];
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  transfer_set_text(transfer, CURLOPT_PROTOCOLS_STR,
                    protocol_set_text(transfers->config->protocols, ",", names,
                                      sizeof(names)));
  transfer_set_text(transfer, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, http_version(transfers));
  transfer_set_text(transfer, CURLOPT_USERAGENT, transfers->config->user_agent);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, transfers->buffer_size);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFETIME_S);
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set_network(transfer);
  if (transfers->config->protocols & ~PROTOCOL_USUAL)
    file_transfer_lasting(transfer);
  /* The addresses that are connected to may be a proxy's. */
  if (transfers->config->no_private_redirects && !transfers->proxied) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
  }
  curlmux_adopt(transfers->mux, easy);
}

static void set_credentials(struct transfer *transfer) {
  const struct engine_config *config = transfer->pool->config;
  CURL *easy = transfer->easy;
  bool foreign = transfer->foreign;
  if (config->user_pwd != NULL && config->aws_sigv4 == NULL)
    transfer_set_text(transfer, CURLOPT_USERPWD,
                      foreign ? NULL : config->user_pwd);
  if (config->bearer != NULL) {
    transfer_set_text(transfer, CURLOPT_XOAUTH2_BEARER,
                      foreign ? NULL : config->bearer);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH,
                     foreign ? (long)CURLAUTH_BASIC : (long)CURLAUTH_BEARER);
  }
  if (config->cookie != NULL)
    transfer_set_text(transfer, CURLOPT_COOKIE,
                      foreign ? NULL : config->cookie);
  if (config->netrc)
    curl_easy_setopt(easy, CURLOPT_NETRC,
                     foreign ? (long)CURL_NETRC_IGNORED
                             : (long)CURL_NETRC_OPTIONAL);
}

/* Those of a file belong to domains, whoever leads there. */
static void set_cookies(struct transfer *transfer, const char *url) {
  struct transfers *transfers = transfer->pool;
  bool some;
  if (transfers->cookies == NULL)
    return;
  some = cookies_for(transfers->cookies, url, (int64_t)time(NULL),
                     &transfers->cookie_text);
  transfer_set_text(transfer, CURLOPT_COOKIE,
                    some ? transfers->cookie_text.data : NULL);
}

static long milliseconds(double seconds) {
  return seconds > 0 ? (long)(seconds * 1000 + 0.5) : 0;
}

static void set_limits(struct transfer *transfer) {
  const double *limit = transfer->pool->limit;
  CURL *easy = transfer->easy;
  long stall = (long)(limit[LIMIT_STALL_TIMEOUT] + 0.999);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   milliseconds(limit[LIMIT_CONNECT_TIMEOUT]));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   milliseconds(limit[LIMIT_MAX_TIME]));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall);
}

/* A list with line in front of the user's headers. */
static struct curl_slist *with_line(struct curl_slist *list, const char *line) {
  struct curl_slist *copy = curl_slist_append(NULL, line), *grown = copy;
  for (; grown != NULL && list != NULL; list = list->next)
    grown = curl_slist_append(copy, list->data);
  if (grown != NULL)
    return copy;
  curl_slist_free_all(copy);
  return NULL;
}

static int add_line(struct transfer *transfer, struct curl_slist **list,
                    const char *line) {
  struct curl_slist *longer = with_line(*list, line);
  curl_slist_free_all(transfer->extra);
  transfer->extra = *list = longer;
  return longer != NULL ? 0 : ERR_NOMEM;
}

/* In place of those that the list has of the same names. */
static int add_fields(struct transfer *transfer, struct curl_slist **list,
                      const struct task_fields *fields, bool as_get) {
  struct curl_slist *longer = NULL;
  int code = request_headers(&longer, *list, fields, as_get);
  curl_slist_free_all(transfer->extra);
  transfer->extra = *list = longer;
  return code;
}

static int add_rule(struct transfer *transfer, struct curl_slist **list,
                    const struct host_rule *rule) {
  const char *lines[2];
  struct task_fields fields;
  task_fields_init(&fields);
  fields.headers = lines;
  if (rule->header != NULL)
    lines[fields.header_count++] = rule->header;
  if (rule->login != NULL)
    lines[fields.header_count++] = rule->login;
  return fields.header_count > 0 ? add_fields(transfer, list, &fields, false)
                                 : 0;
}

/* The last of the headers: it looks at the others. */
static int add_signature(struct transfer *transfer, struct curl_slist **list,
                         const struct transfer_request *request) {
  const struct engine_config *config = transfer->pool->config;
  const struct task_fields *fields = request->as_get ? NULL : request->fields;
  struct sigv4_request sign;
  struct curl_slist *lines = NULL;
  int code;
  if (config->aws_sigv4 == NULL || config->user_pwd == NULL ||
      request->foreign || !is_http(transfer))
    return 0;
  memset(&sign, 0, sizeof(sign));
  sign.scheme = config->aws_sigv4;
  sign.user_pwd = config->user_pwd;
  sign.method = request_verb(fields);
  sign.url = request->url;
  sign.body = fields != NULL ? fields->body : NULL;
  sign.body_length = sign.body != NULL ? fields->body_length : 0;
  sign.headers = *list;
  sign.now_unix = (int64_t)time(NULL);
  code = sigv4_sign(&sign, &lines);
  for (struct curl_slist *l = lines; l != NULL && code == 0; l = l->next)
    code = add_line(transfer, list, l->data);
  curl_slist_free_all(lines);
  return code;
}

/* Range and If-Range (RFC 9110 sections 14.2 and 13.1.5) and the rule's
 * header, on top of the user's. */
static int set_headers(struct transfer *transfer,
                       const struct transfer_request *request) {
  struct transfers *transfers = transfer->pool;
  struct curl_slist *list = request->foreign ? NULL : transfers->headers;
  char line[256];
  int code = 0;
  bool range = request->from > 0 || request->to >= 0;
  if (request->to >= 0)
    snprintf(line, sizeof(line), "%lld-%lld", (long long)request->from,
             (long long)request->to);
  else
    snprintf(line, sizeof(line), "%lld-", (long long)request->from);
  transfer_set_text(transfer, CURLOPT_RANGE, range ? line : NULL);
  if (request->rule != NULL && !request->foreign)
    code = add_rule(transfer, &list, request->rule);
  if (code == 0 && range && request->if_range[0] != '\0') {
    snprintf(line, sizeof(line), "If-Range: %s", request->if_range);
    code = add_line(transfer, &list, line);
  }
  if (code == 0 && request->fields != NULL && !request->foreign &&
      request->fields->header_count > 0)
    code = add_fields(transfer, &list, request->fields, request->as_get);
  if (code == 0)
    code = add_signature(transfer, &list, request);
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list);
  return code;
}

static int set_method(struct transfer *transfer,
                      const struct transfer_request *request) {
  const struct task_fields *fields =
      request->as_get || !is_http(transfer) ? NULL : request->fields;
  bool own = fields != NULL && (fields->method != NULL || fields->body != NULL);
  if (!own && !transfer->with_method)
    return 0;
  transfer->with_method = own;
  return request_method(transfer->easy, own ? fields : NULL);
}

/* A kept connection was perhaps made for somebody who may go there. */
static void set_reach(struct transfer *transfer,
                      const struct transfer_request *request) {
  transfer->public_only = request->public_only;
  transfer->refused = false;
  if (transfer->pool->config->no_private_redirects)
    curl_easy_setopt(
        transfer->easy, CURLOPT_FRESH_CONNECT,
        request->public_only && request->host->reach != REACH_PUBLIC ? 1L : 0L);
}

/* The host's addresses, when this lane has not got this version of them. */
static void set_addresses(struct transfer *transfer) {
  struct host *host = transfer->host;
  struct curl_slist *list = transfer->pool->resolve;
  unsigned char version = (unsigned char)(host->version & 0xff);
  if (host->addresses != NULL && host->primed[transfer->lane] != version) {
    list = host->addresses;
    host->primed[transfer->lane] = version;
  }
  curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, list);
}

/* ---- pool --------------------------------------------------------------- */

static int to_list(struct curl_slist **list, const struct str_list *strings) {
  for (size_t i = 0; i < strings->count; i++) {
    struct curl_slist *grown = curl_slist_append(*list, strings->items[i]);
    if (grown == NULL)
      return ERR_NOMEM;
    *list = grown;
  }
  return 0;
}

/* HOST:PORT:ADDRESS; libcurl compares the host with that of the URL. */
static int to_addresses(struct curl_slist **list,
                        const struct str_list *strings) {
  for (size_t i = 0; i < strings->count; i++) {
    char host[URL_HOST_CAP], line[2 * URL_HOST_CAP + 64];
    const char *item = strings->items[i], *why;
    size_t len = strcspn(item, ":");
    if (idn_is_wide(item, len) &&
        idn_to_ascii(item, len, host, sizeof host, &why) == 0 &&
        snprintf(line, sizeof line, "%s%s", host, item + len) <
            (int)sizeof line)
      item = line;
    struct curl_slist *grown = curl_slist_append(*list, item);
    if (grown == NULL)
      return ERR_NOMEM;
    *list = grown;
  }
  return 0;
}

int transfer_http_version(int asked, unsigned libcurl) {
  if (asked != 0)
    return asked;
  return libcurl >= HTTP2_GOOD ? 20 : 11;
}

int transfers_init(struct transfers *transfers, uv_loop_t *loop,
                   struct loopwatch *watch, const struct engine_config *config,
                   const double *limit, const struct transfer_ops *ops) {
  memset(transfers, 0, sizeof(*transfers));
  transfers->config = config;
  transfers->limit = limit;
  transfers->watch = watch;
  transfers->ops = ops;
  transfers->proxied = transfer_proxied(config);
  if (to_list(&transfers->headers, &config->headers) != 0 ||
      to_addresses(&transfers->resolve, &config->resolve) != 0)
    return ERR_NOMEM;
  bytes_init(&transfers->cookie_text, COOKIES_HEADER_MAX + 1);
  if (config->cookie_file != NULL) {
    struct errmsg why; /* it was read when the option was looked at */
    int code = cookies_read(&transfers->cookies, config->cookie_file, &why);
    if (code != 0)
      return code;
  }
  transfers->http_version = transfer_http_version(
      config->http_version, curl_version_info(CURLVERSION_NOW)->version_num);
  transfers->buffer_size =
      limit[LIMIT_CONCURRENCY] <= 64 ? BUFFER_FEW : BUFFER_MANY;
  return curlmux_new(&transfers->mux, loop, watch, on_done, transfers);
}

static void destroy(struct transfer *transfer) {
  curl_easy_cleanup(transfer->easy); /* takes NULL */
  bytes_fini(&transfer->head);
  bytes_fini(&transfer->links);
  free(transfer);
}

void transfers_fini(struct transfers *transfers) {
  while (transfers->free_list != NULL) {
    struct transfer *transfer = transfers->free_list;
    transfers->free_list = transfer->next_free;
    destroy(transfer);
  }
  if (transfers->mux != NULL)
    curlmux_close(transfers->mux,
                  (transfers->config->protocols & ~PROTOCOL_USUAL) != 0);
  transfers->mux = NULL;
  cookies_free(transfers->cookies);
  transfers->cookies = NULL;
  bytes_fini(&transfers->cookie_text);
  curl_slist_free_all(transfers->headers);
  curl_slist_free_all(transfers->resolve);
  transfers->headers = transfers->resolve = NULL;
}

static struct transfer *take(struct transfers *transfers) {
  struct transfer *transfer = transfers->free_list;
  if (transfer != NULL) {
    transfers->free_list = transfer->next_free;
    transfers->free_count--;
    return transfer;
  }
  transfer = calloc(1, sizeof(*transfer));
  if (transfer == NULL)
    return NULL;
  transfer->pool = transfers;
  bytes_init(&transfer->head, HEAD_MAX);
  bytes_init(&transfer->links, MIRRORS_BYTES);
  transfer->easy = curl_easy_init();
  if (transfer->easy != NULL)
    set_lasting(transfer);
  if (transfer->easy == NULL || transfer->lacking) {
    destroy(transfer);
    return NULL;
  }
  return transfer;
}

int transfer_start(struct transfers *transfers, void *owner,
                   const struct transfer_request *asked,
                   struct transfer **out) {
  struct url_ascii ascii;
  struct transfer_request own = *asked;
  const struct transfer_request *request = &own;
  struct transfer *transfer = take(transfers);
  int code;
  if (transfer == NULL)
    return ERR_NOMEM;
  own.url = url_ascii(asked->url, &ascii);
  transfer->owner = owner;
  transfer->ops = request->ops != NULL ? request->ops : transfers->ops;
  transfer->host = request->host;
  transfer->foreign = request->foreign;
  transfer->paused = transfer->aborted = false;
  transfer->received = 0;
  transfer->range_from = request->from;
  transfer->range_to = request->to;
  transfer->head_ns = 0;
  transfer->page_len = 0;
  transfer->reply = 0;
  snprintf(transfer->validator, sizeof(transfer->validator), "%s",
           request->if_range);
  transfer->error[0] = '\0';
  bytes_clear(&transfer->links);
  bytes_clear(&transfer->head);
  answer_reset(&transfer->answer);
  transfer->lane = curlmux_lane(transfers->mux, request->host->number);
  transfer->lacking = false;
  if (curl_easy_setopt(transfer->easy, CURLOPT_URL, request->url) != CURLE_OK ||
      set_headers(transfer, request) != 0 ||
      set_method(transfer, request) != 0) {
    transfer_free(transfer);
    return ERR_NOMEM;
  }
  set_credentials(transfer);
  set_cookies(transfer, request->url);
  if (transfers->config->protocols & ~PROTOCOL_USUAL)
    file_transfer_options(transfer, request);
  if (transfer->lacking) { /* no request goes out without its login */
    transfer_free(transfer);
    return ERR_NOMEM;
  }
  set_limits(transfer);
  set_addresses(transfer);
  set_reach(transfer, request);
  transfer->sent_ns = uv_hrtime();
  code = curlmux_add(transfers->mux, transfer->lane, transfer->easy);
  if (code != 0) {
    transfer_free(transfer);
    return code;
  }
  transfer->running = true;
  *out = transfer;
  return 0;
}

void transfer_cancel(struct transfer *transfer) {
  if (transfer->running)
    curlmux_remove(transfer->pool->mux, transfer->lane, transfer->easy);
  transfer->running = false;
  transfer_free(transfer);
}

void transfer_free(struct transfer *transfer) {
  struct transfers *transfers = transfer->pool;
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all(transfer->extra);
  transfer->extra = NULL;
  transfer->owner = NULL;
  if (transfers->free_count >= FREE_MAX) {
    destroy(transfer);
    return;
  }
  transfer->next_free = transfers->free_list;
  transfers->free_list = transfer;
  transfers->free_count++;
}

void transfer_keep_page(struct transfer *transfer, const char *data,
                        size_t length) {
  size_t room = sizeof(transfer->page) - transfer->page_len;
  if (length > room)
    length = room;
  memcpy(transfer->page + transfer->page_len, data, length);
  transfer->page_len += length;
}

bool transfer_unreachable(const struct transfer *transfer, CURLcode code) {
  long os_errno = 0;
  if (code == CURLE_COULDNT_RESOLVE_HOST)
    return true;
  if (code != CURLE_COULDNT_CONNECT)
    return false;
  curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_errno);
  return os_errno == ENETUNREACH || os_errno == EHOSTUNREACH ||
         os_errno == ENETDOWN;
}

void transfer_pause(struct transfer *transfer) {
  if (transfer->paused || !transfer->running)
    return;
  transfer->paused = true;
  curl_easy_pause(transfer->easy, CURLPAUSE_RECV);
}

void transfer_unpause(struct transfer *transfer) {
  if (!transfer->paused || !transfer->running)
    return;
  transfer->paused = false;
  curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
  curlmux_kick(transfer->pool->mux, transfer->lane);
}
