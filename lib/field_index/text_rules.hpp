/// What an index makes of texts: the tests of its field by tokens or by UUIDs instead of letter by letter. The evaluator asks
/// them of each value, and segments are asked with them, so that both say the same.
/// Thread safety: immutable.
#pragma once

#include <vecstore/field_index/schema.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/text/analyzer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::field_index {

/// A question to texts of an analyzer.
class token_rule final : public filter::text_rule {
public:
    enum class kind : std::uint8_t { all, any, phrase };

    /// Nothing when the test asks for no tokens.
    [[nodiscard]] static std::optional<token_rule> make(const text::analyzer& analyzer, const filter::field_test& test);

    [[nodiscard]] bool holds(std::string_view text) const override;

    [[nodiscard]] kind what() const noexcept { return what_; }
    /// Ascending, without repeats. None: it holds for no text.
    [[nodiscard]] const std::vector<std::string>& tokens() const noexcept { return tokens_; }
    /// True when a text holds as soon as it has the tokens, wherever.
    [[nodiscard]] bool told_by_tokens() const noexcept { return what_ != kind::phrase || sequence_.size() < 2; }

private:
    token_rule(text::analyzer analyzer, kind what, std::string_view text);
    [[nodiscard]] bool has_tokens(std::string_view text) const;
    [[nodiscard]] bool has_sequence(std::string_view text) const;

    text::analyzer analyzer_;
    kind what_;
    std::vector<std::string> sequence_;  ///< as in the question
    std::vector<std::string> tokens_;
};

/// One spelling for all of a UUID; other texts stay as they are.
[[nodiscard]] std::string canonical_uuid(std::string_view text);

/// The same test, its texts canonical.
[[nodiscard]] filter::field_test canonical_uuids(const filter::field_test& test);

/// For `filter::text_rules`; null when an index of that kind leaves the test as it is. `analyzer`: of an index of texts.
[[nodiscard]] std::shared_ptr<const filter::text_rule> rule_for(const field_schema& schema,
                                                                const text::analyzer* analyzer,
                                                                const filter::field_test& test);

}  // namespace vecstore::field_index
