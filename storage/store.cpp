#include "storage/store.h"

#include <iterator>
#include <utility>

namespace parley::storage {

void WriteBatch::append(WriteBatch&& other) {
  if (operations_.empty()) {
    operations_ = std::move(other.operations_);
  } else {
    operations_.insert(operations_.end(), std::make_move_iterator(other.operations_.begin()),
                       std::make_move_iterator(other.operations_.end()));
  }
  other.operations_.clear();
}

}  // namespace parley::storage
