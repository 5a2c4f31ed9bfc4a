// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {VM} from "./Vm.sol";

/// @notice Reports what calls cost, and the transactions that make them, which `contracts/gas.json` keeps.
abstract contract GasMeter is Base {
    /// @dev A transaction, and its data, by EIP-7623: a byte is one token where it is zero and four otherwise.
    uint256 private constant TRANSACTION = 21_000;
    uint256 private constant TOKEN = 4;
    uint256 private constant FLOOR_TOKEN = 10;

    /// @notice forge prints what is logged under this name.
    event log_named_uint(string key, uint256 val);

    function measure(string memory what, address to, bytes memory data) internal {
        measure(what, to, data, address(this), 0);
    }

    /// @notice Makes a call, which finds every slot cold, and reports it.
    function measure(string memory what, address to, bytes memory data, address from, uint256 valueWei) internal {
        (bool done, uint256 gas) = _make(to, data, from, valueWei);
        require(done, what);
        emit log_named_uint(what, gas);
        emit log_named_uint(string.concat("transaction: ", what), _transaction(data, gas));
    }

    /// @notice Makes a call that is refused, for another was quicker: it is paid for all the same.
    function measureRefused(string memory what, address to, bytes memory data, address from) internal {
        (bool done, uint256 gas) = _make(to, data, from, 0);
        require(!done, what);
        emit log_named_uint(string.concat("transaction: ", what), _transaction(data, gas));
    }

    function _make(address to, bytes memory data, address from, uint256 valueWei)
        private
        returns (bool done, uint256 gas)
    {
        _coolAll();
        VM.prank(from, from);
        (done,) = to.call{value: valueWei}(data);
        gas = VM.lastCallGas().gasTotalUsed;
    }

    /// @dev What is given back for slots that are cleared is left aside, as an estimate leaves it.
    function _transaction(bytes memory data, uint256 gas) private pure returns (uint256) {
        uint256 tokens = 0;
        for (uint256 i = 0; i < data.length; i++) {
            tokens += data[i] == 0 ? 1 : 4;
        }
        uint256 whole = TOKEN * tokens + gas;
        uint256 least = FLOOR_TOKEN * tokens;
        return TRANSACTION + (whole > least ? whole : least);
    }

    /// @dev Forgets what the test has touched: a transaction finds every slot cold.
    function _coolAll() private {
        VM.cool(address(rules));
        VM.cool(address(vault));
        VM.cool(address(escrow));
        VM.cool(address(payout));
        VM.cool(address(ledger));
        VM.cool(address(models));
        VM.cool(address(disputes));
        VM.cool(address(jury));
    }
}
