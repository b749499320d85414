#pragma once
// Values of core, field by field and whatever they are: filled at random, and compared. A field that a struct gets is
// filled and compared too, so that one which a codec forgets is found by the tests that are here already.

#include "core/gossip.h"
#include "core/random.h"
#include "core/request.h"
#include "core/snapshot_transfer.h"

#include <boost/pfr.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace parley::testing {

template <class T>
struct IsDuration : std::false_type {};
template <class Rep, class Period>
struct IsDuration<std::chrono::duration<Rep, Period>> : std::true_type {};
template <class T, template <class...> class Of>
struct IsOf : std::false_type {};
template <template <class...> class Of, class... Args>
struct IsOf<Of<Args...>, Of> : std::true_type {};
template <class T>
inline constexpr bool kOptional = IsOf<T, std::optional>::value;
template <class T>
inline constexpr bool kVector = IsOf<T, std::vector>::value;
template <class T>
inline constexpr bool kShared = IsOf<T, std::shared_ptr>::value;
// What stays in its process: the arrival's own time, holds, what was counted, advice in our own words.
template <class T>
inline constexpr bool kLocal = std::is_same_v<T, MonoTime> || std::is_same_v<T, std::shared_ptr<const void>> ||
                               std::is_same_v<T, Remembered<std::uint32_t>> || std::is_same_v<T, std::string_view> ||
                               std::is_same_v<T, NodeAddress>;

template <class Enum>
constexpr Enum last_of() {
  if constexpr (std::is_same_v<Enum, LeaveReason>) return LeaveReason::connection_lost;
  if constexpr (std::is_same_v<Enum, DataKind>) return DataKind::json;
  if constexpr (std::is_same_v<Enum, IdForm>) return IdForm::number;
  if constexpr (std::is_same_v<Enum, Via>) return Via::presence;
  if constexpr (std::is_same_v<Enum, UserStatus>) return UserStatus::online;
  if constexpr (std::is_same_v<Enum, Direction>) return Direction::backward;
  if constexpr (std::is_same_v<Enum, ResumeOutcome>) return ResumeOutcome::gap;
  if constexpr (std::is_same_v<Enum, NoticeKind>) return NoticeKind::user_disconnected;
  if constexpr (std::is_same_v<Enum, LinkState>) return LinkState::closed;
  if constexpr (std::is_same_v<Enum, NodeState>) return NodeState::left;
  if constexpr (std::is_same_v<Enum, SnapshotFamily>) return SnapshotFamily::state;
  if constexpr (std::is_same_v<Enum, SnapshotAsk::Kind>) return SnapshotAsk::Kind::given_up;
  if constexpr (std::is_same_v<Enum, Errc>) return Errc::internal;
}

class Roll {
 public:
  explicit Roll(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

  template <class T>
  void fill(T& value) {
    if constexpr (kLocal<T>) {
      // stays as it is
    } else if constexpr (std::is_same_v<T, bool>) {
      value = below(2) == 1;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(below(static_cast<std::uint64_t>(last_of<T>()) + 1));
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(below(3) == 0 ? below(10) : random_.next());
    } else if constexpr (std::is_same_v<T, std::string>) {
      value.resize(below(4) == 0 ? 0 : below(24));
      for (auto& byte : value) byte = static_cast<char>(below(256));
    } else if constexpr (std::is_same_v<T, ChannelKey>) {
      value = ChannelKey("app" + std::to_string(below(9)), "presence-room." + std::to_string(below(1'000)));
    } else if constexpr (std::is_same_v<T, ReplyTo>) {
      fill(value.hub);
      fill(value.session);
      fill(value.ticket);
      fill(value.life);
      fill(value.origin);
    } else if constexpr (IsDuration<T>::value) {
      value = T(static_cast<std::int64_t>(below(1'000'000)));
    } else if constexpr (kOptional<T>) {
      if (below(3) > 0) fill(value.emplace());
    } else if constexpr (kVector<T>) {
      value.resize(below(4));
      for (auto& one : value) {
        if constexpr (kShared<typename T::value_type>) {
          fill_pointed_at(one);
        } else {
          fill(one);
        }
      }
    } else if constexpr (kShared<T>) {
      if (below(3) > 0) fill_pointed_at(value);
    } else {
      boost::pfr::for_each_field(value, [this](auto& field) { fill(field); });
    }
  }
  // The alternative of that number.
  template <class... Kinds>
  void fill(std::variant<Kinds...>& value, std::size_t kind) {
    std::size_t number = 0;
    (fill_if(value, number++ == kind, static_cast<Kinds*>(nullptr)), ...);
  }

 private:
  template <class T>
  void fill_pointed_at(std::shared_ptr<const T>& value) {
    auto made = std::make_shared<T>();
    fill(*made);
    value = std::move(made);
  }
  template <class Variant, class Kind>
  void fill_if(Variant& value, bool is_it, Kind*) {
    if (!is_it) return;
    auto& what = value.template emplace<Kind>();
    if constexpr (requires { what.publication.use_count(); }) {
      fill_pointed_at(what.publication);  // events have what they are about
    } else if constexpr (std::is_same_v<Kind, ChannelEvent::MemberAdded>) {
      fill_pointed_at(what.member);
    } else if constexpr (std::is_same_v<Kind, RosterIs>) {
      fill(what.channel);
      fill_pointed_at(what.roster);
    } else {
      fill(what);
    }
  }

  SeededRandom random_;
};

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (kLocal<T>) {
    return true;
  } else if constexpr (std::is_same_v<T, ReplyTo>) {
    return a.hub == b.hub && a.session == b.session && a.ticket == b.ticket && a.life == b.life && a.origin == b.origin;
  } else if constexpr (kOptional<T>) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
  } else if constexpr (kShared<T>) {
    return (a == nullptr) == (b == nullptr) && (a == nullptr || same(*a, *b));
  } else if constexpr (kVector<T>) {
    bool all = a.size() == b.size();
    for (std::size_t i = 0; all && i < a.size(); ++i) all = same(a[i], b[i]);
    return all;
  } else if constexpr (IsOf<T, std::variant>::value) {
    return a.index() == b.index() &&
           std::visit([&](const auto& what) { return same(what, std::get<std::decay_t<decltype(what)>>(b)); }, a);
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, ChannelKey> || std::is_arithmetic_v<T> ||
                       std::is_enum_v<T> || IsDuration<T>::value) {
    return a == b;
  } else if constexpr (boost::pfr::tuple_size_v<T> == 0) {
    return true;
  } else {
    return [&]<std::size_t... Fields>(std::index_sequence<Fields...>) {
      return (same(boost::pfr::get<Fields>(a), boost::pfr::get<Fields>(b)) && ...);
    }
    (std::make_index_sequence<boost::pfr::tuple_size_v<T>>());
  }
}

}  // namespace parley::testing
