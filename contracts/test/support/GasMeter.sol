// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {VM} from "./Vm.sol";

/// @notice Reports what calls cost, which `contracts/gas.json` keeps. A transaction adds 21,000 and its calldata.
abstract contract GasMeter is Base {
    /// @notice forge prints what is logged under this name.
    event log_named_uint(string key, uint256 val);

    /// @notice Forgets what the test has touched: a transaction finds every slot cold.
    function coolAll() internal {
        VM.cool(address(rules));
        VM.cool(address(vault));
        VM.cool(address(escrow));
        VM.cool(address(payout));
        VM.cool(address(ledger));
        VM.cool(address(models));
        VM.cool(address(disputes));
        VM.cool(address(jury));
    }

    /// @notice Reports the call just made.
    function report(string memory what) internal {
        emit log_named_uint(what, VM.lastCallGas().gasTotalUsed);
    }
}
