/* SPDX-License-Identifier: MIT
 *
 * Files over FTP, FTPS and SFTP: see file_transfer.h.
 */
#include "config.h"

#include "file_transfer.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"

#define PATH_CAP 4096
#define STUCK_NS (2 * (uint64_t)1000000000)

enum host_key { KEY_GOOD, KEY_UNKNOWN, KEY_CHANGED };

/* ---- options ------------------------------------------------------------- */

static const struct passwd *account(void) {
  return getpwuid(getuid());
}

/* A file of ~/.ssh; false when there is no home. */
static bool in_home(const char *name, char *path, size_t cap) {
  const char *home = getenv("HOME");
  if (home == NULL || *home == '\0')
    home = account() != NULL ? account()->pw_dir : NULL;
  return home != NULL &&
         (size_t)snprintf(path, cap, "%s/.ssh/%s", home, name) < cap;
}

/* Without a file nobody is known: an option left out would trust everybody. */
static void set_known_hosts(struct transfer *transfer,
                            const struct engine_config *config) {
  char path[PATH_CAP];
  const char *file = config->sftp_known_hosts;
  if (file == NULL)
    file = in_home("known_hosts", path, sizeof(path)) ? path : "/dev/null";
  transfer_set_text(transfer, CURLOPT_SSH_KNOWNHOSTS, file);
}

static void set_key(struct transfer *transfer,
                    const struct engine_config *config) {
  static const char *const usual[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
  char path[PATH_CAP];
  const char *file = config->sftp_key;
  for (size_t i = 0; file == NULL && i < sizeof(usual) / sizeof(*usual); i++)
    if (in_home(usual[i], path, sizeof(path)) && access(path, R_OK) == 0)
      file = path;
  /* "" keeps libcurl from looking for one in the working directory. */
  transfer_set_text(transfer, CURLOPT_SSH_PRIVATE_KEYFILE,
                    file != NULL ? file : "");
}

static int on_host_key(CURL *easy, const struct curl_khkey *known,
                       const struct curl_khkey *found, enum curl_khmatch match,
                       void *arg) {
  struct transfer *transfer = arg;
  (void)easy;
  (void)known;
  (void)found;
  if (match == CURLKHMATCH_OK)
    return CURLKHSTAT_FINE;
  transfer->host_key =
      match == CURLKHMATCH_MISMATCH ? KEY_CHANGED : KEY_UNKNOWN;
  return CURLKHSTAT_REJECT;
}

/* Called often, and once a second while libcurl does nothing but wait. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down,
                       curl_off_t up_total, curl_off_t up) {
  struct transfer *transfer = arg;
  (void)down_total, (void)down, (void)up_total, (void)up;
  if (loopwatch_present_ns(transfer->pool->watch) < STUCK_NS)
    return 0;
  transfer->stuck = true;
  return 1;
}

void file_transfer_lasting(struct transfer *transfer) {
  const struct engine_config *config = transfer->pool->config;
  CURL *easy = transfer->easy;
  curl_easy_setopt(easy, CURLOPT_FTP_SKIP_PASV_IP, 1L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  if (!(config->protocols & PROTOCOL_SFTP))
    return;
  set_known_hosts(transfer, config);
  set_key(transfer, config);
  curl_easy_setopt(easy, CURLOPT_SSH_KEYFUNCTION, on_host_key);
  curl_easy_setopt(easy, CURLOPT_SSH_KEYDATA, transfer);
}

/* As ssh does it: nobody named means oneself. Keys and the agent are for whom
 * the user has named, not for where a redirect leads. */
static void set_ssh_login(struct transfer *transfer, const char *url) {
  CURL *easy = transfer->easy;
  struct url_parts parts;
  long how = CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD;
  if (!transfer->foreign)
    how |= CURLSSH_AUTH_PUBLICKEY | CURLSSH_AUTH_AGENT;
  curl_easy_setopt(easy, CURLOPT_SSH_AUTH_TYPES, how);
  if (transfer->pool->config->user_pwd != NULL ||
      url_split(url, PROTOCOL_ALL, &parts) != 0 || parts.user_len > 0 ||
      account() == NULL)
    return;
  transfer_set_text(transfer, CURLOPT_USERNAME, account()->pw_name);
  transfer->with_name = true;
}

static void back_to_http(struct transfer *transfer) {
  CURL *easy = transfer->easy;
  transfer->with_file = false;
  curl_easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)0);
  curl_easy_setopt(easy, CURLOPT_FILETIME, 0L);
  curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 0L);
}

void file_transfer_options(struct transfer *transfer,
                           const struct transfer_request *request) {
  CURL *easy = transfer->easy;
  transfer->host_key = KEY_GOOD;
  transfer->stuck = false;
  if (transfer->with_name) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, NULL);
    transfer->with_name = false;
  }
  if (request->host->protocol->http) {
    if (transfer->with_file)
      back_to_http(transfer);
    return;
  }
  transfer->with_file = true;
  curl_easy_setopt(easy, CURLOPT_RANGE, NULL);
  curl_easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)request->from);
  curl_easy_setopt(easy, CURLOPT_FILETIME, 1L);
  /* Else a proxy would be asked to speak FTP for us and answer in HTTP. */
  curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
  curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                   (long)transfer->pool->limit[LIMIT_STALL_TIMEOUT]);
  if (request->host->protocol->bit == PROTOCOL_SFTP)
    set_ssh_login(transfer, request->url);
}

/* ---- answers ------------------------------------------------------------- */

/* IMF-fixdate, RFC 9110 section 5.6.7; not strftime(), which speaks the user's
 * language. */
static void write_time(int64_t when, char *text, size_t cap) {
  static const char days[] = "SunMonTueWedThuFriSat";
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t t = (time_t)when;
  struct tm tm;
  text[0] = '\0';
  if (when < 0 || gmtime_r(&t, &tm) == NULL)
    return;
  snprintf(text, cap, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
           days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
           tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void file_transfer_answer(struct answer *answer, int64_t from, int64_t length,
                          int64_t when, const char *validator, bool more) {
  bool same;
  answer_reset(answer);
  write_time(when, answer->last_modified, sizeof(answer->last_modified));
  same = validator[0] == '\0' || strcmp(validator, answer->last_modified) == 0;
  answer->status = 200;
  if (from == 0) {
    answer->content_length = more || length >= 0 ? length : 0;
    return;
  }
  answer->status = more ? 206 : 416;
  /* Of a part whose whole is not known nothing can be said. */
  answer->has_range = same && (!more || length >= 0);
  answer->range_first = from;
  answer->range_size = from + (length > 0 ? length : 0);
  answer->range_last = answer->range_size - 1;
  answer->content_length = more ? length : 0;
}

void file_transfer_head(struct transfer *transfer, bool more) {
  curl_off_t length = -1, when = -1;
  curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                    &length);
  curl_easy_getinfo(transfer->easy, CURLINFO_FILETIME_T, &when);
  file_transfer_answer(&transfer->answer, transfer->range_from, length, when,
                       transfer->validator, more);
  transfer->head_ns = uv_hrtime();
  transfer->ops->head(transfer->owner, transfer);
}

void file_transfer_reply(struct transfer *transfer, const char *line,
                         size_t length) {
  transfer->page_len = 0;
  transfer_keep_page(transfer, line, length);
}

/* The server cannot go on in the middle, or has less than that: anew. */
static bool cannot_resume(const struct transfer *transfer, CURLcode code) {
  return transfer->range_from > 0 && transfer->head_ns == 0 &&
         (code == CURLE_BAD_DOWNLOAD_RESUME ||
          code == CURLE_FTP_COULDNT_USE_REST);
}

static void explain_host_key(struct transfer *transfer) {
  if (transfer->host_key == KEY_CHANGED)
    snprintf(transfer->error, sizeof(transfer->error),
             "the host key is not the one that is known: somebody may be in "
             "between; if it was changed, ssh-keygen -R removes the old one");
  else if (transfer->host_key == KEY_UNKNOWN)
    snprintf(transfer->error, sizeof(transfer->error),
             "the host key is not known: connect with ssh once and check it, "
             "or give a file with --sftp-known-hosts");
}

CURLcode file_transfer_over(struct transfer *transfer, CURLcode code) {
  long reply = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &reply);
  transfer->reply = reply >= 100 && reply <= 659 ? (int)reply : 0;
  explain_host_key(transfer);
  if (transfer->stuck && code != CURLE_OK) {
    snprintf(transfer->error, sizeof(transfer->error),
             "timeout: the server did not say how it ended");
    return CURLE_OPERATION_TIMEDOUT;
  }
  if (cannot_resume(transfer, code)) {
    answer_reset(&transfer->answer);
    transfer->answer.status = 416;
    return CURLE_OK;
  }
  if (code == CURLE_OK && transfer->head_ns == 0)
    file_transfer_head(transfer, false);
  return code;
}
