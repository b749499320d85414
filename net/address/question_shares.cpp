#include "net/address/question_shares.h"

#include "core/check.h"

namespace parley::net {
namespace {

template <class Map, class Key>
std::size_t count(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0 : found->second;
}

template <class Map, class Key>
void take_one_off(Map& map, const Key& key) {
  const auto found = map.find(key);
  CHECK(found != map.end());
  if (--found->second == 0) map.erase(found);
}

}  // namespace

QuestionShares::Taken QuestionShares::take(const std::string& app, const Asker& asker, const Bounds& bounds) {
  const std::pair address(app, asker.address);
  const std::pair connection(app, asker.connection);
  if (count(applications_, app) >= bounds.application) return Taken::full;
  if (count(addresses_, address) >= bounds.address || count(connections_, connection) >= bounds.connection) {
    return Taken::over_share;
  }
  ++applications_[app];
  ++addresses_[address];
  ++connections_[connection];
  return Taken::yes;
}

void QuestionShares::release(const std::string& app, const Asker& asker) {
  take_one_off(applications_, app);
  take_one_off(addresses_, std::pair(app, asker.address));
  take_one_off(connections_, std::pair(app, asker.connection));
}

}  // namespace parley::net
