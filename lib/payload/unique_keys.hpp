/// Search for equal keys in one object, in time that hostile input cannot make quadratic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace vecstore::payload::detail {

inline constexpr std::size_t pairwise_keys_max = 16;

/// Collects the keys of one object; up to 16 need no memory from the heap.
class key_set {
public:
    void add(std::string_view key) {
        if (count_ < pairwise_keys_max)
            few_[count_] = key;
        else {
            if (many_.empty()) many_.assign(few_, few_ + pairwise_keys_max);
            many_.push_back(key);
        }
        ++count_;
    }
    /// Reorders what was added: call it once, at the end.
    [[nodiscard]] bool has_duplicates() {
        if (count_ > pairwise_keys_max) {
            std::sort(many_.begin(), many_.end());
            return std::adjacent_find(many_.begin(), many_.end()) != many_.end();
        }
        for (std::size_t i = 1; i < count_; ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (few_[i] == few_[j]) return true;
        return false;
    }

private:
    std::string_view few_[pairwise_keys_max];
    std::vector<std::string_view> many_;
    std::size_t count_ = 0;
};

}  // namespace vecstore::payload::detail
