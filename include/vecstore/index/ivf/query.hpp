/// What a search over inverted lists prepares once, the order of the lists and the tables of the codes, and the scan.
#pragma once

#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace vecstore::index {

class ivf_members;

/// An entry of the lists whose code looks near.
struct ivf_candidate {
    float estimate = 0;
    std::uint32_t entry = 0;
};

/// Entries of a list that are scanned under one limit.
inline constexpr std::size_t ivf_chunk = 256;

/// One query against one set of lists. The estimate of a row's distance is, with pq4,
/// list_bias(list) + step * (sum of its table entries + its term), the bracket being what a scan adds up; with int8 the
/// distance of its code, less what rounding adds on average; with rabitq it is a lower bound (rotation_code.hpp).
/// Thread safety: belongs to one thread. Buffers are kept from query to query.
class ivf_query {
public:
    /// Shapes: query [dim] f32, finite; of unit length for cosine. `lists_expected` ranks are ordered at once, of the lists that
    /// have one of `members`, when these are given.
    /// Cost:   one pass over all centroids and over the codebook.
    void start(const ivf_lists& lists, std::span<const float> query, std::size_t lists_expected,
               const ivf_members* members = nullptr);
    /// The same in two steps, so that the centroids are read once for many queries: `center` gives what is to be
    /// multiplied with them, and `start_with` takes the products [panels * 32].
    [[nodiscard]] std::span<const float> center(const ivf_lists& lists, std::span<const float> query);
    void start_with(const ivf_lists& lists, std::span<const float> query, const float* products,
                    std::size_t lists_expected, const ivf_members* members = nullptr);

    /// Lists that are ranked.
    [[nodiscard]] std::size_t list_count() const noexcept { return order_.size() + rest_.size(); }
    /// The list that is `rank`-th nearest to the query, about (see take_least); with members, those that have many come sooner,
    /// and those that have few later. Precondition: rank < list_count(); ranks are
    /// asked in rising order.
    [[nodiscard]] std::uint32_t list_at(std::size_t rank);

    /// Makes the query ready for scans of list `i`.
    /// `slack`: how many standard deviations the estimates of rabitq are brought down.
    void aim(const ivf_lists& lists, std::uint32_t i, float slack);
    /// Appends the entries of chunk `chunk` of the list aimed at whose estimate is not above `limit`, and perhaps some
    /// that are just above; in their order.
    void scan(const ivf_lists& lists, std::size_t chunk, float limit, std::vector<ivf_candidate>& out) const;

    /// About one standard deviation of estimates of rows at `distance`; infinite when it is not known.
    [[nodiscard]] float spread(const ivf_lists& lists, float distance) const noexcept;

    [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
    struct ranked_list {
        float distance = 0;  ///< or, with members, the logarithm of its rank, and their delay
        std::uint32_t list = 0;
    };
    void rank_by_members(const ivf_members& members);
    void order_lists(std::size_t more);
    void make_tables(const ivf_lists& lists);
    void make_sign_tables(const ivf_lists& lists);
    void aim_signs(const ivf_lists& lists, std::uint32_t i, float slack);
    [[nodiscard]] float spread_of_bytes(const ivf_lists& lists, float distance) const noexcept;
    /// The largest sum in the list aimed at whose estimate is not above `distance`, or one more; -1 when there is none.
    [[nodiscard]] int sum_at(float distance) const noexcept;
    void scan_sums(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                   std::vector<ivf_candidate>& out) const;
    void scan_signs(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                    std::vector<ivf_candidate>& out) const;
    void scan_bytes(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                    std::vector<ivf_candidate>& out) const;

    std::vector<float> query_;        ///< less the mean, padded to an even dim
    std::vector<float> products_;     ///< [panels * 32] inner products with centroids, padded
    std::vector<float> scores_;       ///< [lists] the same
    std::vector<ranked_list> order_;  ///< nearest first
    std::vector<ranked_list> rest_;   ///< not ordered yet, none nearer
    std::vector<ranked_list> taken_;
    std::vector<float> rotated_;     ///< the query, for rabitq
    std::vector<float> raw_tables_;  ///< [subs, 16]
    std::vector<std::uint8_t> tables_;
    quantization::code_query bytes_;  ///< for int8
    float length_ = 0;                ///< of the query
    float bias_ = 0;                  ///< what all estimates share
    float step_ = 1;
    float term_weight_ = 0;
    ivf_lists::list list_;  ///< aimed at
    float list_bias_ = 0;
    std::uint16_t term_factor_ = 0;
    quantization::level_scale term_, scale_, error_, dot_;  ///< of rabitq, in the list aimed at
};

}  // namespace vecstore::index
