#include "cluster/caf_transport/links.h"

#include "cluster/caf_transport/framing.h"
#include "cluster/caf_transport/wire.h"
#include "core/check.h"
#include "core/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::cluster {
namespace {

constexpr milliseconds kLinger{1'000};  // for a refusal to be read

std::string hex(NodeId node) { return fmt::format("{:016x}", node.value); }

}  // namespace

// One connection, from its first byte to its end.
class Links::Connection final : public WireOwner, FrameSink {
 public:
  Connection(Links& links_in, std::uint64_t id_in, OwnedSocket socket, std::optional<PeerPlace> dialed_in)
      : links(links_in),
        id(id_in),
        dialed(std::move(dialed_in)),
        address(remote_address(socket.get())),
        now_heard(links.outside_.clock.now()),
        said(now_heard),
        until(now_heard + links.limits_.hello_within),
        framing(links.limits_, links.peers_.message_bytes_max) {
    std::unique_ptr<TlsStream> stream;
    if (links.tls_) stream = links.tls_->on(socket.get(), dialed ? TlsEnd::dials : TlsEnd::listens);
    broken_tls = links.tls_ != nullptr && stream == nullptr;
    wire = std::make_unique<Wire>(*links.loop_, std::move(socket), std::move(stream), links.limits_.write_bytes_max,
                                  *this);
  }

  void on_open() override {
    if (dialed) say_hello();
  }
  void on_bytes(std::string_view bytes) override {
    now_heard = links.outside_.clock.now();
    links.outside_.metrics.peer_bytes_received.add(static_cast<double>(bytes.size()));
    if (stage == Stage::refused) return;
    const auto fed = framing.feed(bytes, *this);
    if (stage == Stage::over || stage == Stage::refused) return;
    if (!fed) return links.cut(*this, "not_frames", fed.error().message);
    unsaid_receipt += framing.take_work_bytes();
    if (unsaid_receipt >= links.limits_.window_bytes_max / 4) send();
  }
  void on_room() override { fill(); }
  void on_written(std::size_t bytes) override {
    links.outside_.metrics.peer_bytes_sent.add(static_cast<double>(bytes));
  }
  void on_end(const std::string& why, bool by_peer) override {
    if (stage == Stage::up && by_peer && !links.closing_) links.listener_->on_peer_closed(hello.node);
    if ((stage == Stage::hello || stage == Stage::accept) && why.starts_with("TLS") && why != "TLS: closed") {
      links.outside_.metrics.peer_hellos_refused("tls").add();
      if (!dialed && links.may_say("tls"))
        log_warn("refused a node", {{"reason", "tls"}, {"address", address}, {"error", why}});
    }
    links.remove(*this, why);
  }

  bool on_frame(FrameKind kind, std::string_view payload) override {
    switch (kind) {
      case FrameKind::hello: {
        if (stage != Stage::hello) break;
        auto read = schemas::decode_hello(payload);
        if (!read) {
          links.refuse(*this, "bad_hello", read.error().message);
        } else {
          links.introduced(*this, std::move(*read));
        }
        return goes_on();
      }
      case FrameKind::accept:
        if (stage != Stage::accept || !payload.empty()) break;
        links.raise(*this);
        return goes_on();
      case FrameKind::refusal: {
        const auto refusal = schemas::decode_refusal(payload);
        if (!refusal) break;
        links.refused(*this, *refusal);
        return false;
      }
      case FrameKind::heartbeat:
        if (!payload.empty()) break;
        return true;
      case FrameKind::received: {
        const auto bytes = read_received(payload);
        if (!bytes || !outbox->confirm(*bytes)) break;
        send();
        return goes_on();
      }
      case FrameKind::work:
      case FrameKind::ahead:
        break;
    }
    links.cut(*this, "not_frames", "a frame that makes no sense");
    return false;
  }
  bool on_message(Lane /*lane*/, std::string message) override {
    links.listener_->on_message(hello.node, std::move(message));
    return goes_on();
  }

  void say_hello() {
    auto mine = links.self_.hello;
    mine.cluster = links.self_.cluster.load();
    append_frame(wire->out(), FrameKind::hello, schemas::encode_hello(mine));
    flush();
  }
  // Puts what may go now before the wire, as far as its buffer has room. True: there is more.
  bool fill() {
    if (stage != Stage::up || wire->unwritten() >= links.limits_.write_bytes_max) return false;
    auto& out = wire->out();
    const auto before = out.size();
    if (unsaid_receipt >= links.limits_.window_bytes_max / 4) append_received(out, std::exchange(unsaid_receipt, 0));
    const bool more = outbox->fill(out, before - wire->unwritten() + links.limits_.write_bytes_max);
    if (out.size() != before) said = links.outside_.clock.now();
    return more;
  }
  // At once as far as there is room, without ever calling anybody: it may be within a call of the listener.
  void send() {
    const bool more = fill();
    if (wire->unwritten() > 0) flush();
    if (more) wire->go_on();
  }
  void flush() {
    said = links.outside_.clock.now();
    wire->flush();
  }
  void beat(MonoTime now) {
    if (now - said < links.limits_.heartbeat || wire->unwritten() > 0) return;
    append_frame(wire->out(), FrameKind::heartbeat, {});
    flush();
  }
  [[nodiscard]] bool goes_on() const { return stage != Stage::over && stage != Stage::refused; }

  Links& links;
  const std::uint64_t id;
  const std::optional<PeerPlace> dialed;
  const std::string address;
  Stage stage = Stage::hello;
  MonoTime now_heard;  // when the last byte came
  MonoTime said;       // when the last one left
  MonoTime until;      // for knowing each other, and for a refusal to be read
  bool broken_tls = false;
  bool is_stranger = false;
  Framing framing;
  schemas::Hello hello;  // the other end's
  std::shared_ptr<Outbox> outbox;
  std::uint64_t unsaid_receipt = 0;
  std::unique_ptr<Wire> wire;
};

Links::Links(const LinkSelf& self, const LinkLimits& limits, const PeerLimits& peers,
             std::shared_ptr<const TlsContext> tls, Outside outside, Dial dial)
    : self_(self),
      limits_(limits),
      peers_(peers),
      tls_(std::move(tls)),
      outside_(outside),
      dial_(std::move(dial)),
      plan_(self.hello.node.node, limits, outside.random) {}

Links::~Links() = default;

void Links::start(caf::io::network::default_multiplexer& loop, PeerListener& listener) {
  loop_ = &loop;
  listener_ = &listener;
}

// ---- dialing ----

void Links::set_places(std::vector<PeerPlace> places) {
  plan_.set(std::move(places), outside_.clock.now());
  dial_due();
}

void Links::dial_due() {
  if (closing_ || loop_ == nullptr) return;
  const auto linked = [this](NodeId node) { return links_.contains(node); };
  for (auto& place : plan_.due(outside_.clock.now(), linked)) {
    const auto attempt = next_id_++;
    const auto& kept = attempts_.emplace(attempt, std::move(place)).first->second;
    dial_(attempt, kept);
  }
}

void Links::on_dialed(std::uint64_t attempt, Result<OwnedSocket> connected) {
  auto found = attempts_.extract(attempt);
  if (found.empty() || closing_) return;
  if (!connected) return attempt_failed(found.mapped(), connected.error().message);
  add(std::move(*connected), std::move(found.mapped()));
}

void Links::attempt_failed(const PeerPlace& place, const std::string& why) {
  outside_.metrics.peer_dials_failed.add();
  plan_.failed(place, outside_.clock.now());
  const auto level = plan_.is_known(place, why) ? LogLevel::debug : LogLevel::warn;
  log(level, "cannot reach a node", {{"host", place.host}, {"port", place.port}, {"error", why}});
}

// ---- connections come and go ----

void Links::on_accepted(OwnedSocket socket) {
  if (closing_) return;
  sweep();
  const auto address = remote_address(socket.get());
  const auto now = outside_.clock.now();
  if (now - second_began_ >= seconds(1)) {
    second_began_ = now;
    came_in_ = 0;
  }
  auto& from_there = strangers_[address];
  if (stranger_count_ >= limits_.strangers_max || from_there >= limits_.strangers_per_address_max ||
      ++came_in_ > limits_.strangers_per_second_max) {
    if (from_there == 0) strangers_.erase(address);
    outside_.metrics.peer_hellos_refused("too_many_strangers").add();
    if (may_say("too_many_strangers"))
      log_warn("refused a node", {{"reason", "too_many_strangers"}, {"address", address}});
    return;
  }
  tune(socket.get(), limits_);
  add(std::move(socket), std::nullopt);
}

std::uint64_t Links::add(OwnedSocket socket, std::optional<PeerPlace> dialed) {
  const auto id = next_id_++;
  auto owned = std::make_unique<Connection>(*this, id, std::move(socket), std::move(dialed));
  auto& connection = *owned;
  connections_.emplace(id, std::move(owned));
  if (!connection.dialed) {
    connection.is_stranger = true;
    ++strangers_[connection.address];
    ++stranger_count_;
  }
  if (connection.broken_tls) {
    remove(connection, "TLS cannot be set up");
  } else {
    connection.wire->begin();
  }
  return id;
}

void Links::remove(Connection& connection, const std::string& why) {
  if (connection.stage == Stage::over) return;
  const auto stage = std::exchange(connection.stage, Stage::over);
  connection.wire->close();
  if (std::exchange(connection.is_stranger, false)) {
    --stranger_count_;
    const auto row = strangers_.find(connection.address);
    if (--row->second == 0) strangers_.erase(row);
  }
  if (stage == Stage::up) {
    const auto node = connection.hello.node;
    connection.outbox->close();
    routes_.erase(node.node);
    links_.erase(node.node);
    outside_.metrics.peer_links.add(-1);
    plan_.lost(node.node, outside_.clock.now());
    log_info("lost a node", {{"node", hex(node.node)}, {"name", connection.hello.name}, {"reason", why}});
    if (!closing_) listener_->on_peer_down(node);
  } else if (stage != Stage::refused && connection.dialed && !closing_) {
    attempt_failed(*connection.dialed, why);
  }
  const auto place = connections_.find(connection.id);
  over_.push_back(std::move(place->second));
  connections_.erase(place);
}

void Links::sweep() {
  std::erase_if(over_, [](const auto& connection) { return connection->wire->may_be_freed(); });
}

Links::Connection* Links::link_to(NodeId node) {
  const auto found = links_.find(node);
  return found == links_.end() ? nullptr : found->second;
}

void Links::cut(Connection& connection, std::string_view reason, const std::string& why) {
  outside_.metrics.peer_links_cut(reason).add();
  if (connection.stage != Stage::up && may_say(reason)) {
    log_warn("cut a connection of a node", {{"reason", reason}, {"address", connection.address}, {"error", why}});
  }
  remove(connection, why);
}

bool Links::may_say(std::string_view what) {
  const auto now = outside_.clock.now();
  auto found = said_.find(what);
  if (found == said_.end()) found = said_.emplace(std::string(what), MonoTime{}).first;
  if (found->second != MonoTime{} && now - found->second < seconds(1)) return false;
  found->second = now;
  return true;
}

// ---- knowing each other ----

void Links::introduced(Connection& connection, schemas::Hello hello) {
  connection.hello = std::move(hello);
  const auto& said = connection.hello;
  const auto& mine = self_.hello;
  const auto cluster = self_.cluster.load();
  if (said.version != schemas::kLinkVersion) {
    return refuse(connection, "version",
                  fmt::format("it speaks version {} and this node {}", said.version, schemas::kLinkVersion));
  }
  if (said.node == mine.node) {
    ++dialed_itself_;
    return refuse(connection, "self", "the node dialed itself");
  }
  if (said.node.node == mine.node.node) {
    return refuse(connection, "own_id",
                  "it has this node's id: a copy of its data directory, or a process of it that still runs");
  }
  if (said.cluster != 0 && cluster != 0 && said.cluster != cluster) {
    return refuse(connection, "cluster",
                  fmt::format("it is of cluster {:016x} and this node of {:016x}", said.cluster, cluster));
  }
  if (connection.dialed && connection.dialed->node.value != 0 && connection.dialed->node != said.node.node) {
    return refuse(connection, "other_node", fmt::format("node {} was dialed", hex(connection.dialed->node)));
  }
  const auto* link = link_to(said.node.node);
  if (link != nullptr && link->hello.node.incarnation > said.node.incarnation) {
    return refuse(connection, "old_incarnation", "a later process of the node is linked");
  }
  if (link == nullptr && links_.size() >= limits_.links_max) {
    return refuse(connection, "too_many_links", "this node has as many links as it may");
  }
  if (!connection.dialed) connection.say_hello();
  connection.stage = Stage::accept;
  if (mine.node.node < said.node.node) settle(connection);
}

// The lower id decides, alone, and once for each connection: so both ends have the same link, whoever dialed whom.
void Links::settle(Connection& connection) {
  const auto* link = link_to(connection.hello.node.node);
  if (link != nullptr && link->hello.node == connection.hello.node) {
    return refuse(connection, "already_linked", "there is a link already");
  }
  append_frame(connection.wire->out(), FrameKind::accept, {});
  connection.flush();
  raise(connection);
}

void Links::raise(Connection& connection) {
  const auto node = connection.hello.node;
  if (auto* link = link_to(node.node)) {
    if (link->hello.node.incarnation > node.incarnation) {
      return refuse(connection, "old_incarnation", "a later process of the node is linked");
    }
    // A later process; or the same, which has ended this link by its own account.
    remove(*link, link->hello.node == node ? "the other end began anew" : "a later process of the node came");
  } else if (links_.size() >= limits_.links_max) {
    return refuse(connection, "too_many_links", "this node has as many links as it may");
  }
  connection.stage = Stage::up;
  connection.framing.introduced();
  if (std::exchange(connection.is_stranger, false)) {
    --stranger_count_;
    const auto row = strangers_.find(connection.address);
    if (--row->second == 0) strangers_.erase(row);
  }
  connection.outbox = std::make_shared<Outbox>(limits_, peers_);
  links_[node.node] = &connection;
  if (connection.dialed) plan_.answered(*connection.dialed, node.node, outside_.clock.now());
  outside_.metrics.peer_links.add(1);
  log_info("linked with a node", {{"node", hex(node.node)},
                                  {"name", connection.hello.name},
                                  {"address", connection.address},
                                  {"dialed", connection.dialed ? "here" : "there"}});
  routes_.set(node.node, connection.outbox);  // first: the listener may answer at once
  listener_->on_peer_up(node);
}

void Links::refuse(Connection& connection, std::string_view reason, const std::string& message) {
  const auto& name = connection.hello.name;
  const bool usual = reason == "already_linked" || reason == "self";
  outside_.metrics.peer_hellos_refused(reason).add();
  if (!usual && may_say(reason)) {
    log_warn("refused a node",
             {{"reason", reason}, {"name", name}, {"address", connection.address}, {"error", message}});
  }
  tell_refused(reason, name, connection.address, message);
  append_frame(connection.wire->out(), FrameKind::refusal,
               schemas::encode_refusal({std::string(reason), message, self_.hello.name}));
  connection.flush();
  connection.wire->end_writing();
  connection.stage = Stage::refused;
  connection.until = outside_.clock.now() + kLinger;
  if (!connection.dialed) return;
  const auto& place = *connection.dialed;
  if (reason == "already_linked") return plan_.answered(place, connection.hello.node.node, outside_.clock.now());
  if (reason == "self") return plan_.is_self(place);
  outside_.metrics.peer_dials_failed.add();
  plan_.failed(place, outside_.clock.now());
}

// Of what a person has to decide.
void Links::tell_refused(std::string_view reason, const std::string& name, const std::string& address,
                         const std::string& message) {
  if (closing_ || (reason != "cluster" && reason != "own_id")) return;
  listener_->on_peer_refused(fmt::format("node {} at {}: {}", name.empty() ? "?" : name, address, message));
}

void Links::refused(Connection& connection, const schemas::Refusal& refusal) {
  if (connection.stage == Stage::up) return remove(connection, "refused: " + refusal.reason);
  connection.stage = Stage::refused;
  tell_refused(refusal.reason, refusal.name, connection.address,
               fmt::format("it refused this one and says: \"{}\"", refusal.message));
  const auto now = outside_.clock.now();
  if (connection.dialed) {
    const auto& place = *connection.dialed;
    const auto known = connection.hello.node.node;
    if (refusal.reason == "self" && dialed_itself_ > 0) {  // it was at the other end as well
      --dialed_itself_;
      plan_.is_self(place);
      log_info("dialed itself: it is not dialed again", {{"host", place.host}, {"port", place.port}});
    } else if (refusal.reason == "already_linked" && known.value != 0) {
      plan_.answered(place, known, now);
    } else {
      outside_.metrics.peer_dials_failed.add();
      plan_.failed(place, now);
      const auto level = plan_.is_known(place, refusal.reason) ? LogLevel::debug : LogLevel::warn;
      log(level, "a node refused this one",
          {{"reason", refusal.reason}, {"name", refusal.name}, {"host", place.host}, {"error", refusal.message}});
    }
  } else if (refusal.reason != "already_linked" && may_say("refused")) {
    log_info("a node refused this one",
             {{"reason", refusal.reason}, {"name", refusal.name}, {"error", refusal.message}});
  }
  remove(connection, "refused: " + refusal.reason);
}

// ---- the rest ----

void Links::drop(NodeId to, const Outbox& outbox) {
  auto* link = link_to(to);
  if (link != nullptr && link->outbox.get() == &outbox) cut(*link, "full", "what it was to be sent had no room");
}

void Links::send_waiting(NodeId to) {
  if (auto* link = link_to(to)) link->send();
}

void Links::tick() {
  const auto now = outside_.clock.now();
  sweep();
  std::vector<std::uint64_t> ids;
  ids.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) ids.push_back(id);
  for (const auto id : ids) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    auto& connection = *found->second;
    switch (connection.stage) {
      case Stage::hello:
      case Stage::accept:
        if (now >= connection.until) cut(connection, "no_hello", "it did not introduce itself in time");
        break;
      case Stage::refused:
        if (now >= connection.until) remove(connection, "refused");
        break;
      case Stage::up:
        // This process may have been stopped: what came meanwhile has not been read.
        if (now - connection.now_heard > limits_.silence_max) connection.wire->read_now();
        if (connection.stage != Stage::up) break;
        if (now - connection.now_heard > limits_.silence_max) {
          cut(connection, "silent", "nothing came for too long");
        } else {
          connection.beat(now);
        }
        break;
      case Stage::over:
        break;
    }
  }
  dial_due();
  outside_.metrics.peer_queue_bytes.set(static_cast<double>(routes_.waiting_bytes_most()));
}

void Links::close_all() {
  closing_ = true;
  while (!connections_.empty()) remove(*connections_.begin()->second, "this node stops");
}

bool Links::finish() {
  sweep();
  return over_.empty();
}

}  // namespace parley::cluster
