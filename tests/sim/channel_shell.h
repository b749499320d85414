#pragma once
// The shell around one real Channel: what actors/channel/channel_actor.cpp does, in virtual time.

#include "actors/one_tick.h"
#include "tests/sim/node.h"

namespace parley::sim {

class ChannelShell final : private actors::ChannelPort, public std::enable_shared_from_this<ChannelShell> {
 public:
  ChannelShell(Node& node, ChannelKey key);
  void begin() { schedule(); }

  void request(Request request);
  void applied(const std::vector<std::pair<CommandToken, Effect>>& effects);
  void refused(CommandToken token, const Error& error);
  Lane& from_shard() { return from_shard_; }

 private:
  void reply(Reply reply) override;
  void tell(const SessionAddress& hub, const ChannelEventPtr& event) override;
  void propose(Command command, CommandToken token, actors::WaitForDisk wait) override;
  void read_history(GetHistory query, std::uint64_t read) override;
  Result<std::shared_ptr<const void>> reserve(Origin, std::size_t bytes, std::uint64_t read) override;
  void read_cursor(const std::string& client_id, std::uint64_t read) override;
  void open() override;
  std::uint64_t random() override;
  std::string notice_id() override { return std::to_string(random()); }
  Status may_join(const std::string& user_id) override;
  actors::VisitMemory& visits() override;

  template <class Then>
  void from_reader(Then then);  // a result on its way from the reader to this actor
  void tick();
  void schedule();
  [[nodiscard]] MonoTime now() const { return node_.scheduler_.now(); }
  [[nodiscard]] WallTime wall() const { return node_.scheduler_.wall(); }

  Node& node_;
  ChannelKey key_;
  ShardId shard_;
  actors::Channel channel_;
  Lane from_shard_;
  Lane from_reader_;
  Lane to_shard_;
  std::vector<Lane> to_hub_;
  std::vector<Lane> answers_;  // Bug::answers_overtake
  std::uint64_t handled_ = 0;
  actors::OneTick tick_;
  std::optional<MonoTime> idle_since_;
};

}  // namespace parley::sim
