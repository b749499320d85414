#include "net/outbound/http_caller.h"

#include "core/check.h"
#include "core/host_pattern.h"
#include "core/mutex.h"
#include "core/thread_name.h"
#include "net/outbound/call_lane.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <mutex>
#include <optional>
#include <queue>
#include <thread>
#include <unordered_map>
#include <utility>

namespace parley::net {

namespace {

// A connection is not used again after this, so that a host that moved is followed.
constexpr std::chrono::seconds kConnectionAge{300};
constexpr std::chrono::seconds kPollLongest{60};

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using EasyPtr = std::unique_ptr<CURL, EasyFree>;
using MultiPtr = std::unique_ptr<CURLM, MultiFree>;
using ListPtr = std::unique_ptr<curl_slist, ListFree>;
using UrlPtr = std::unique_ptr<CURLU, UrlFree>;

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

// By libcurl's own parser, so that the host that is checked is the host that is called. Null: no http(s) URL.
UrlPtr parse_http_url(std::string_view text) {
  // Neither belongs into a URL, and what a backslash means is a matter of opinion among parsers.
  if (text.find_first_of(std::string_view("\0\\", 2)) != std::string_view::npos) return nullptr;
  UrlPtr url(curl_url());
  CHECK(url != nullptr);
  if (curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) return nullptr;
  const auto scheme = part_of(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return nullptr;
  return url;
}

bool patterns_allow(const std::vector<std::string>& patterns, CURLU* url) {
  const auto port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::uint16_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  return parley::host_allowed(patterns, part_of(url, CURLUPART_HOST), number);
}

std::string_view lane_kind(std::string_view lane) { return lane.substr(0, lane.find(':')); }

// A header that would end its line could add others, or a body.
bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

const char* outcome_of(int status) {
  static constexpr const char* kinds[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
  return status >= 100 && status < 600 ? kinds[status / 100 - 1] : "other";
}

const char* outcome_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return "unreachable";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return "tls";
    default:
      return "broken";
  }
}

void initialise_libcurl() {
  static std::once_flag once;
  std::call_once(once, [] { CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

}  // namespace

bool host_allowed(const std::vector<std::string>& patterns, std::string_view url) {
  const auto parsed = parse_http_url(url);
  return parsed != nullptr && patterns_allow(patterns, parsed.get());
}

class HttpCaller::Worker {
 public:
  Worker(HttpCallerConfig config, const Clock& clock, Metrics& metrics)
      : config_(std::move(config)), clock_(clock), metrics_(metrics) {
    initialise_libcurl();
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL may write without MSG_NOSIGNAL
    allowed_ = std::make_shared<const std::vector<std::string>>(std::move(config_.allowed_hosts));
    multi_.reset(curl_multi_init());
    CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(config_.idle_connections_max));
    thread_ = std::thread([this] {
      name_this_thread("parley-calls");
      run();
    });
  }

  void call(Call call, std::function<void(Answer)> done) {
    bool refused = false;
    bool wake = false;
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      refused = unfinished_ >= config_.waiting_max;
      if (!refused) {
        ++unfinished_;
        wake = incoming_.empty();
        incoming_.push_back(std::make_unique<Job>(std::move(call), std::move(done), clock_.now()));
        metrics_.calls_waiting.add(1);
      }
    }
    if (refused) {
      metrics_.calls(lane_kind(call.lane), "refused").add();
      Answer answer;
      answer.failure = "too many calls waiting";
      done(std::move(answer));
    } else if (wake) {
      curl_multi_wakeup(multi_.get());
    }
  }

  void allow_hosts(std::vector<std::string> patterns) {
    auto next = std::make_shared<const std::vector<std::string>>(std::move(patterns));
    const MutexLock lock(mutex_);
    allowed_ = std::move(next);
  }

  void stop() {
    CHECK(std::this_thread::get_id() != thread_.get_id());
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_.get());
    if (thread_.joinable()) thread_.join();
  }

 private:
  using JobId = CallLane::Id;

  struct Job {
    Job(Call what, std::function<void(Answer)> then, MonoTime now)
        : call(std::move(what)), done(std::move(then)), accepted(now), deadline(now + call.timeout) {}

    Call call;
    std::function<void(Answer)> done;
    MonoTime accepted;
    MonoTime deadline;
    JobId id = 0;
    Answer answer;
    bool too_large = false;
    char error[CURL_ERROR_SIZE] = {};
    ListPtr headers;
    UrlPtr url;
    EasyPtr easy;  // null: waits. First to go: it points at all of the above
  };

  struct Failure {
    std::string text;
    const char* outcome;
  };

  void run() {
    std::vector<std::unique_ptr<Job>> taken;
    while (true) {
      {
        const MutexLock lock(mutex_);
        if (stopping_) break;
        taken.swap(incoming_);
      }
      for (auto& job : taken) accept(std::move(job));
      taken.clear();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      finish_transfers();
      expire_waiting();
      curl_multi_poll(multi_.get(), nullptr, 0, poll_milliseconds(), nullptr);
    }
    abort_all();
  }

  void accept(std::unique_ptr<Job> job) {
    job->id = ++last_id_;
    const auto name = job->call.lane;
    auto& lane = lanes_[name];
    const auto own_max = job->call.lane_concurrency_max;
    lane.bound(own_max != 0 ? own_max : config_.lane_concurrency_max, job->call.address_in_flight_max);
    lane.push(job->id, job->call.address, job->call.connection);
    deadlines_.emplace(job->deadline, job->id);
    jobs_.emplace(job->id, std::move(job));
    start_next(name);
  }

  void start_next(const std::string& name) {
    auto& lane = lanes_.at(name);
    while (const auto turn = lane.take()) {
      const auto found = jobs_.find(turn->id);
      if (found == jobs_.end()) {  // it is over already
        lane.release(turn->address);
      } else if (const auto failure = begin(*found->second)) {
        lane.release(turn->address);
        finish(*found->second, failure->text, failure->outcome);
      }
    }
    if (lane.idle()) lanes_.erase(name);
  }

  std::optional<Failure> begin(Job& job) {
    const auto left = std::chrono::ceil<milliseconds>(job.deadline - clock_.now());
    if (left.count() <= 0) return timed_out(job);
    job.url = parse_http_url(job.call.url);
    if (!job.url) return Failure{"not an http or https URL", "bad_call"};
    if (!patterns_allow(*allowed(), job.url.get())) {
      return Failure{fmt::format("host not allowed: {}", part_of(job.url.get(), CURLUPART_HOST)), "not_allowed"};
    }
    if (!add_headers(job)) return Failure{"a header holds a line break", "bad_call"};
    EasyPtr easy(curl_easy_init());
    CHECK(easy != nullptr);
    set_options(easy.get(), job, left);
    CHECK(curl_multi_add_handle(multi_.get(), easy.get()) == CURLM_OK);
    job.easy = std::move(easy);
    metrics_.calls_waiting.add(-1);
    metrics_.calls_in_flight.add(1);
    return std::nullopt;
  }

  static bool add_headers(Job& job) {
    const auto add = [&](const std::string& line) {
      auto* longer = curl_slist_append(job.headers.get(), line.c_str());
      CHECK(longer != nullptr);
      static_cast<void>(job.headers.release());
      job.headers.reset(longer);
    };
    // For libcurl `Name:` takes a header away and `Name;` sends it empty.
    add("Expect:");
    bool typed = false;
    for (const auto& [name, value] : job.call.headers) {
      if (!is_one_line(name) || !is_one_line(value)) return false;
      typed = typed || curl_strequal(name.c_str(), "content-type") != 0;
      add(value.empty() ? name + ";" : name + ": " + value);
    }
    if (!typed) add("Content-Type:");
    return true;
  }

  void set_options(CURL* easy, Job& job, milliseconds left) const {
    const auto set = [easy](CURLoption option, auto value) {
      CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
    };
    set(CURLOPT_PRIVATE, &job);
    set(CURLOPT_CURLU, job.url.get());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_PROXY, "");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_NOSIGNAL, 1L);
    // Without it the end of a call that is still resolving its host would wait for the resolver.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
    set(CURLOPT_MAXLIFETIME_CONN, static_cast<long>(kConnectionAge.count()));
    set(CURLOPT_USERAGENT, "Parley");
    set(CURLOPT_HTTPHEADER, job.headers.get());
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    // A kept connection is used again only by calls that trust the same.
    const auto& ca_file = job.call.ca_file.empty() ? config_.ca_file : job.call.ca_file;
    if (!ca_file.empty()) set(CURLOPT_CAINFO, ca_file.c_str());
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_ERRORBUFFER, &job.error[0]);
    set(CURLOPT_WRITEDATA, &job);
    set(CURLOPT_WRITEFUNCTION, &Worker::on_body);
    const auto& call = job.call;
    if (call.method == "GET" && call.body.empty()) return set(CURLOPT_HTTPGET, 1L);
    if (call.method == "HEAD") return set(CURLOPT_NOBODY, 1L);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, call.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    if (call.method != "POST") set(CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }

  static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* user) {
    auto& job = *static_cast<Job*>(user);
    const auto bytes = one * size;
    if (bytes > job.call.answer_bytes_max - job.answer.body.size()) {
      job.too_large = true;
      return 0;  // ends the transfer; a whole answer of no bytes never gets here
    }
    job.answer.body.append(data, bytes);
    return bytes;
  }

  void finish_transfers() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      // The message is gone with the handle.
      const CURLcode code = message->data.result;
      CURL* easy = message->easy_handle;
      Job* job = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &job);
      curl_multi_remove_handle(multi_.get(), easy);
      const auto name = job->call.lane;
      const auto address = job->call.address;
      finish_transfer(*job, code);
      lanes_.at(name).release(address);
      start_next(name);
    }
  }

  void finish_transfer(Job& job, CURLcode code) {
    if (code == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(job.easy.get(), CURLINFO_RESPONSE_CODE, &status);
      job.answer.status = static_cast<int>(status);
      curl_header* header = nullptr;
      if (curl_easy_header(job.easy.get(), "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        job.answer.retry_after = header->value;
      }
      return finish(job, {}, outcome_of(job.answer.status));
    }
    job.answer.body.clear();
    if (job.too_large) {
      return finish(job, fmt::format("answer too large: more than {} bytes", job.call.answer_bytes_max), "too_large");
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
      const auto failure = timed_out(job);
      return finish(job, failure.text, failure.outcome);
    }
    finish(job, job.error[0] != 0 ? &job.error[0] : curl_easy_strerror(code), outcome_of(code));
  }

  static Failure timed_out(const Job& job) {
    return {fmt::format("no answer within {} ms{}", job.call.timeout.count(), job.easy ? "" : ", all of them in line"),
            "timeout"};
  }

  // Whoever waits longer than it wants to is told, even if nothing of its lane ends.
  void expire_waiting() {
    const auto now = clock_.now();
    while (!deadlines_.empty() && deadlines_.top().first <= now) {
      const auto found = jobs_.find(deadlines_.top().second);
      deadlines_.pop();
      if (found == jobs_.end() || found->second->easy) continue;  // libcurl watches those in flight
      const auto failure = timed_out(*found->second);
      finish(*found->second, failure.text, failure.outcome);
    }
  }

  int poll_milliseconds() {
    while (!deadlines_.empty() && jobs_.count(deadlines_.top().second) == 0) deadlines_.pop();
    milliseconds wait = kPollLongest;
    if (!deadlines_.empty()) {
      wait = std::clamp(std::chrono::ceil<milliseconds>(deadlines_.top().first - clock_.now()), milliseconds(0), wait);
    }
    return static_cast<int>(wait.count());
  }

  // Destroys the job.
  void finish(Job& job, std::string failure, const char* outcome) {
    (job.easy ? metrics_.calls_in_flight : metrics_.calls_waiting).add(-1);
    auto answer = std::move(job.answer);
    answer.failure = std::move(failure);
    answer.took = clock_.now() - job.accepted;
    metrics_.calls(lane_kind(job.call.lane), outcome).add();
    metrics_.call_seconds.observe(std::chrono::duration<double>(answer.took).count());
    const auto done = std::move(job.done);
    jobs_.erase(job.id);
    {
      const MutexLock lock(mutex_);
      --unfinished_;
    }
    done(std::move(answer));
  }

  void abort_all() {
    for (auto& [id, job] : jobs_) {
      if (job->easy) curl_multi_remove_handle(multi_.get(), job->easy.get());
      (job->easy ? metrics_.calls_in_flight : metrics_.calls_waiting).add(-1);
      metrics_.calls(lane_kind(job->call.lane), "aborted").add();
    }
    jobs_.clear();
    lanes_.clear();
    const MutexLock lock(mutex_);
    metrics_.calls_waiting.add(-static_cast<double>(incoming_.size()));
    incoming_.clear();
  }

  std::shared_ptr<const std::vector<std::string>> allowed() {
    const MutexLock lock(mutex_);
    return allowed_;
  }

  HttpCallerConfig config_;
  const Clock& clock_;
  Metrics& metrics_;
  MultiPtr multi_;  // its thread's, except for waking it

  Mutex mutex_;  // a leaf
  bool stopping_ PARLEY_GUARDED_BY(mutex_) = false;
  std::size_t unfinished_ PARLEY_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Job>> incoming_ PARLEY_GUARDED_BY(mutex_);
  std::shared_ptr<const std::vector<std::string>> allowed_ PARLEY_GUARDED_BY(mutex_);

  // The calls thread only.
  JobId last_id_ = 0;
  std::unordered_map<JobId, std::unique_ptr<Job>> jobs_;
  std::unordered_map<std::string, CallLane> lanes_;
  using Due = std::pair<MonoTime, JobId>;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> deadlines_;

  std::thread thread_;
};

HttpCaller::HttpCaller(HttpCallerConfig config, const Clock& clock, Metrics& metrics)
    : worker_(std::make_unique<Worker>(std::move(config), clock, metrics)) {}

HttpCaller::~HttpCaller() { stop(); }

void HttpCaller::call(Call call, std::function<void(Answer)> done) { worker_->call(std::move(call), std::move(done)); }

void HttpCaller::allow_hosts(std::vector<std::string> patterns) { worker_->allow_hosts(std::move(patterns)); }

void HttpCaller::stop() { worker_->stop(); }

}  // namespace parley::net
