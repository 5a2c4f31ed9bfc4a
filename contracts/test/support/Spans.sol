// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Way} from "../../src/libraries/Evidence.sol";
import {Opening, Place, SpanIndex} from "../../src/libraries/SpanCounts.sol";
import {Trees} from "./Trees.sol";
import {VM} from "./Vm.sol";

/// @notice A span index, built as `worker/attribution/span-tree.ts` builds it, and places in it.
contract Spans {
    uint256 private constant TEXT_SYMBOLS = 128;
    uint256 private constant TEXT_OVERLAP = 32;
    uint256 private constant SUFFIX_ENTRIES = 64;

    uint32[] private _text;
    uint32[] private _suffixes;

    /// @param symbols Tokens plus one.
    constructor(uint32[] memory symbols) {
        _text = symbols;
        uint32[] memory sorted = new uint32[](symbols.length);
        for (uint32 i = 0; i < symbols.length; i++) {
            uint256 to = i;
            for (; to > 0 && _isBelow(symbols, i, sorted[to - 1]); to--) {
                sorted[to] = sorted[to - 1];
            }
            sorted[to] = i;
        }
        _suffixes = sorted;
    }

    function index() external view returns (SpanIndex memory) {
        return SpanIndex({
            symbols: uint64(_text.length),
            contributions: 1,
            textRoot: Trees.rootOf(_leaves(_text, TEXT_SYMBOLS, TEXT_OVERLAP, true)),
            suffixRoot: Trees.rootOf(_leaves(_suffixes, SUFFIX_ENTRIES, 0, false))
        });
    }

    function root() external view returns (bytes32) {
        SpanIndex memory built = this.index();
        bytes[] memory leaves = new bytes[](3);
        string memory head = string.concat("span index 1: ", VM.toString(built.symbols), " symbols, 1 contributions\n");
        (leaves[0], leaves[1], leaves[2]) = (bytes(head), bytes.concat(built.textRoot), bytes.concat(built.suffixRoot));
        return Trees.rootOf(leaves);
    }

    /// @notice A place of the suffix array, opened.
    function at(uint256 place) external view returns (Place memory) {
        return opened(place, _suffixes[place]);
    }

    /// @notice A place, with the text at any symbol.
    function opened(uint256 place, uint256 start) public view returns (Place memory) {
        bytes[] memory suffixes = _leaves(_suffixes, SUFFIX_ENTRIES, 0, false);
        bytes[] memory text = _leaves(_text, TEXT_SYMBOLS, TEXT_OVERLAP, true);
        return Place(place, _open(suffixes, place / SUFFIX_ENTRIES), _open(text, start / TEXT_SYMBOLS));
    }

    /// @notice The first place of a run and how often it occurs.
    function find(uint32[] calldata tokens) external view returns (uint256 from, uint256 occurrences) {
        from = type(uint256).max;
        for (uint256 place = 0; place < _suffixes.length; place++) {
            uint256 start = _suffixes[place];
            bool isHere = start + tokens.length <= _text.length;
            for (uint256 i = 0; isHere && i < tokens.length; i++) {
                isHere = _text[start + i] == tokens[i] + 1;
            }
            if (!isHere) continue;
            if (from > place) from = place;
            occurrences++;
        }
    }

    function _open(bytes[] memory leaves, uint256 number) private pure returns (Opening memory) {
        Way memory way = Trees.wayOf(leaves, number);
        return Opening(leaves[number], way.siblings);
    }

    /// @dev All of one contribution, number 0, which a leaf of the text says first.
    function _leaves(uint32[] memory numbers, uint256 step, uint256 overlap, bool isText)
        private
        pure
        returns (bytes[] memory leaves)
    {
        leaves = new bytes[]((numbers.length + step - 1) / step);
        for (uint256 leaf = 0; leaf < leaves.length; leaf++) {
            if (isText) leaves[leaf] = abi.encodePacked(uint32(0));
            for (uint256 i = leaf * step; i < numbers.length && i < (leaf + 1) * step + overlap; i++) {
                leaves[leaf] = abi.encodePacked(leaves[leaf], numbers[i]);
            }
        }
    }

    function _isBelow(uint32[] memory symbols, uint256 one, uint256 other) private pure returns (bool) {
        for (; one < symbols.length && other < symbols.length; (one, other) = (one + 1, other + 1)) {
            if (symbols[one] != symbols[other]) return symbols[one] < symbols[other];
        }
        return one > other;
    }
}
